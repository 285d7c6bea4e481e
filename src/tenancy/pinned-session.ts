import { setMaxListeners } from "node:events";
import type { EntityManager } from "@mikro-orm/postgresql";
import { CompiledQuery, type Kysely, type Transaction } from "kysely";
import type { EpochSeconds } from "../civil-time.ts";
import type { DataPlane } from "../database/orm.ts";
import type { Pin } from "../database/pin.ts";
import { isConnectionFailure, isRetryable, sqlStateOf, toWellvaultError } from "../database/sqlstate.ts";
import { isStaleConnection } from "../database/stale-connection-error.ts";
import type { Statement } from "../database/statement.ts";
import { markValues } from "../database/statement-marks.ts";
import { isVaultGone } from "../database/vault-gone-error.ts";
import { errors } from "../errors.ts";
import type { FairShare } from "./fair-share.ts";
import type { PinnedTransaction, SessionOptions, TenantSession } from "./session.ts";
import { createSharedWrites, type SharedWrites, type WriteItem } from "./shared-writes.ts";
import { readClock } from "./statements/read-clock.ts";
import type { TenantTokens } from "./tenant-tokens.ts";

/** Attempts at a transaction, as long as the database asks for another. */
const attempts = 3;

/** What all sessions of a login share. */
export interface SessionParts {
  readonly tokens: TenantTokens;
  /** Told of a tenant whose vault is missing. */
  readonly onVaultGone: ((tenantId: string) => void) | undefined;
  readonly plane: DataPlane;
  readonly share: FairShare;
  /** The writes that wait, by their statement. */
  readonly writes: Map<unknown, SharedWrites>;
}

/** A write as it waits for its turn. */
interface SessionWrite extends WriteItem {
  readonly rows: unknown[];
  readonly session: PinnedSession;
  readonly values: readonly unknown[];
}

/** Never fires. */
const { signal: never } = new AbortController();
setMaxListeners(0, never);

/** A session whose every statement and transaction is pinned to the vault that it was opened for. */
export class PinnedSession implements TenantSession {
  readonly tenantId: string;
  readonly #parts: SessionParts;
  readonly #options: SessionOptions;
  #em: EntityManager | undefined;

  constructor(parts: SessionParts, options: SessionOptions) {
    this.tenantId = options.tenant.tenantId;
    this.#parts = parts;
    this.#options = options;
  }

  get em(): EntityManager {
    this.#em ??= this.#fork();
    return this.#em;
  }

  #fork(): EntityManager {
    const { tenant, signal } = this.#options;
    const { role, settings } = this.#pin();
    const em = this.#parts.plane.orm.em.fork({
      // Two keys: statements name the vault's schema, and run as the vault's role. PostgreSQL refuses
      // when they disagree.
      schema: tenant.vault,
      session: { role, variables: { ...settings } },
      signal,
      inflightQueryAbortStrategy: "cancel query",
    });
    // A manager is for one vault as long as it lives.
    Object.defineProperty(em, "schema", {
      get: () => tenant.vault,
      set: () => {
        throw new Error("an entity manager was used for two vaults");
      },
    });
    return em;
  }

  #pin(timeoutMs = this.#options.timeoutMs): Pin {
    const { tenant } = this.#options;
    return {
      role: tenant.vault,
      settings: {
        search_path: `"${tenant.vault}", pg_temp`,
        // The second belt, for when the cancellation itself cannot reach the server.
        statement_timeout: String(Math.max(1, Math.ceil(timeoutMs)) + 250),
        "wellvault.company": tenant.companyId,
        "wellvault.token": this.#parts.tokens.sign(tenant.companyId, timeoutMs),
      },
    };
  }

  async query<Values extends readonly unknown[], Row>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    const { signal } = this.#options;
    const lone = this.#lone(statement, values);
    try {
      return await this.#parts.share.run(this.#options.tenant.vault, signal, lone);
    } catch (error) {
      throw signal.aborted ? abortError(signal, error) : error;
    }
  }

  /** Makes up to three attempts at a statement in a transaction of its own. */
  #lone<Values extends readonly unknown[], Row>(statement: Statement<Values, Row>, values: Values) {
    return async (): Promise<Row[]> => {
      let attempted = statement;
      let isSent = false;
      const onSend = () => {
        isSent = true;
      };
      const [rows = []] = await this.#attempt(
        () => {
          isSent = false;
          const running = this.#parts.plane.run(this.#pin(), attempted, [values], this.#options.signal, onSend);
          // What made one connection's plan stale made those of the others stale, and there are more of them than attempts.
          attempted = { ...statement, isKept: false };
          return running;
        },
        () => isSent && statement.writes,
      );
      return rows;
    };
  }

  async write<Values extends readonly unknown[], Row>(
    statement: Statement<Values, Row>,
    values: Values,
    lock: string,
    weight = 1,
  ): Promise<Row[]> {
    const { plane, share, writes } = this.#parts;
    const shared = writes.get(statement) ?? createSharedWrites();
    writes.set(statement, shared);
    const { signal } = this.#options;
    let isSent = false;
    const rows = await shared
      .run<SessionWrite>(
        this.#options.tenant.vault,
        { session: this, values, lock, weight, signal, rows: [] },
        {
          together: async (items, anySignal) => {
            // What takes the longest may take that long; the others' callers are answered in time all the same.
            const timeoutMs = Math.max(...items.map(({ session }) => session.#options.timeoutMs));
            const lists = items.map((item) => item.values as Values);
            isSent = false;
            return await plane.run(this.#pin(timeoutMs), statement, lists, anySignal, () => {
              isSent = true;
            });
          },
          alone: async (item) => await item.session.#lone(statement, item.values as Values)(),
          inTurn: (work) => share.run(this.#options.tenant.vault, never, work),
          isUndone: (error) => !isSent || !isConnectionFailure(error),
          explain: (error) => toWellvaultError(error, true) ?? error,
        },
      )
      .catch((error: unknown) => {
        throw signal.aborted ? abortError(signal, error) : error;
      });
    return rows as Row[];
  }

  async transaction<T>(work: (transaction: PinnedTransaction) => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    let committing = false;
    const onCommit = () => {
      committing = true;
    };
    const run = () => {
      committing = false;
      return this.em.transactional(
        async (em) => {
          const result = await work(this.#pinned(em as EntityManager, onCommit));
          await em.flush();
          onCommit();
          return result;
        },
        { clear: true },
      );
    };
    try {
      return await this.#parts.share.run(this.#options.tenant.vault, signal, () =>
        this.#attempt(run, () => committing),
      );
    } catch (error) {
      throw signal.aborted ? abortError(signal, error) : error;
    }
  }

  async snapshot<T>(
    work: (transaction: Pick<PinnedTransaction, "query">, time: EpochSeconds) => Promise<T>,
  ): Promise<T> {
    const { signal } = this.#options;
    let isBegun = false;
    const run = () =>
      this.em.transactional(
        async (em) => {
          const transaction = this.#pinned(em as EntityManager, () => undefined);
          const [clock] = await transaction.query(readClock, []);
          isBegun = true;
          return await work(transaction, clock?.epoch ?? 0);
        },
        { clear: true, isolationLevel: "repeatable read" },
      );
    const mayRepeat = () => !isBegun;
    try {
      return await this.#parts.share.run(this.#options.tenant.vault, signal, () =>
        this.#attempt(run, () => false, mayRepeat),
      );
    } catch (error) {
      throw signal.aborted ? abortError(signal, error) : error;
    }
  }

  /** Makes up to three attempts where the database asks for another. */
  async #attempt<T>(
    run: () => Promise<T>,
    isCommitting: () => boolean,
    mayRepeat: () => boolean = () => true,
  ): Promise<T> {
    const { signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (signal.aborted) throw abortError(signal, error);
        // A cancellation that nobody here asked for was meant for the connection's caller before.
        const isLast = attempt >= attempts || !mayRepeat();
        if (!isLast && (isRetryable(error) || isStaleConnection(error) || sqlStateOf(error) === "57014")) {
          await new Promise((done) => setTimeout(done, 5 * 4 ** attempt * Math.random()));
          continue;
        }
        if (isVaultGone(error)) {
          this.#parts.onVaultGone?.(this.tenantId);
          throw errors.tenantDenied();
        }
        throw toWellvaultError(error, isCommitting()) ?? error;
      }
    }
  }

  #pinned(em: EntityManager, onCommit: () => void): PinnedTransaction {
    const { signal } = this.#options;
    const run = async <Row>(text: string, values: readonly unknown[]): Promise<Row[]> => {
      const transaction = em.getTransactionContext<Transaction<unknown> | Kysely<unknown>>();
      // Without a transaction there is no pin: refuse rather than run the statement anywhere.
      if (!transaction?.isTransaction) throw new Error("a pinned transaction is over");
      const result = await transaction.executeQuery<Row>(CompiledQuery.raw(text, values as unknown[]), {
        signal,
        inflightQueryAbortStrategy: "cancel query",
      });
      return result.rows;
    };
    return {
      tenantId: this.tenantId,
      em,
      query: async ({ text, isLiteral, rows }, values) =>
        await run(text, markValues(values, { isLast: false, isLiteral, rows })),
      async finish({ text, isLiteral, rows }, values) {
        onCommit();
        return await run(text, markValues(values, { isLast: true, isLiteral, rows }));
      },
    };
  }
}

function abortError(signal: AbortSignal, cause: unknown): Error {
  const known = toWellvaultError(signal.reason);
  return known ?? errors.cancelled(cause);
}

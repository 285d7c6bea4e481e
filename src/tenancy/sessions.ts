import { setMaxListeners } from "node:events";
import type { EntityManager, EntitySchema } from "@mikro-orm/postgresql";
import { CompiledQuery, type Kysely, type Transaction } from "kysely";
import { firstDataLogin } from "../database/logins.ts";
import { type DataPlane, openOrm, poolWaitMs } from "../database/orm.ts";
import type { Pin } from "../database/pin.ts";
import { lastValues } from "../database/pinned-client.ts";
import { createDatabaseProbe } from "../database/probe.ts";
import { isConnectionFailure, isRetryable, sqlStateOf, toWellvaultError } from "../database/sqlstate.ts";
import { isStaleConnection } from "../database/stale-connection-error.ts";
import type { Statement } from "../database/statement.ts";
import { isVaultGone } from "../database/vault-gone-error.ts";
import { errors } from "../errors.ts";
import { createFairShare, type FairShare } from "./fair-share.ts";
import type { PinnedTransaction, TenantSession } from "./session.ts";
import { createSharedWrites, type SharedWrites, type WriteItem } from "./shared-writes.ts";
import type { TenantEntry } from "./tenant.ts";
import type { TenantTokens } from "./tenant-tokens.ts";

/** What a session is opened for. */
export interface SessionOptions {
  /** The tenant, as the directory returned it. */
  readonly tenant: TenantEntry;
  /** Ends the running statement, in PostgreSQL too, when it fires. */
  readonly signal: AbortSignal;
  /** Time left for the call in milliseconds; PostgreSQL stops a statement that takes longer. */
  readonly timeoutMs: number;
}

/** The data plane: makes sessions and nothing else. */
export interface TenantSessions {
  /** Opens a session pinned to the tenant's vault. Costs no round trip. */
  open(options: SessionOptions): TenantSession;
  /** Whether the database answers. */
  ping(): Promise<boolean>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** How to make {@link TenantSessions}. */
export interface TenantSessionsOptions {
  /** Returns the URL of the database as one of the data plane's logins. */
  readonly urlOf: (login: string) => string;
  /** Logins that vaults are spread over, in the database and not by the setting. Each has a pool with an equal share. */
  readonly loginCount: number;
  /** Connections at most, of all logins together; a login has one at least. */
  readonly poolSize: number;
  /** Signs what shows a vault's rows to a transaction. */
  readonly tokens: TenantTokens;
  /** The entities of all services. */
  readonly entities: readonly EntitySchema[];
  /** Told of a tenant whose vault is missing: what is known of the tenant is out of date. */
  readonly onVaultGone?: (tenantId: string) => void;
  /** Told of trouble that no call sees. */
  readonly onWarning: (message: string) => void;
}

const attempts = 3;

/**
 * Opens the data plane. This module is the only one that touches its pool and ORM, so a statement
 * that is not pinned to a vault cannot be written anywhere else.
 */
export function openTenantSessions(options: TenantSessionsOptions): TenantSessions {
  const planes = new Map<string, Omit<SessionParts, "tokens" | "onVaultGone">>();
  const poolSize = Math.max(1, Math.floor(options.poolSize / options.loginCount));
  const planeOf = (login: string) => {
    let entry = planes.get(login);
    if (!entry) {
      const plane = openOrm({ ...options, url: options.urlOf(login), poolSize });
      const share = createFairShare({ slots: poolSize, waitMs: poolWaitMs, isNear: plane.isNear });
      entry = { plane, share, writes: new Map() };
      planes.set(login, entry);
    }
    return entry;
  };
  const probe = createDatabaseProbe(options.urlOf(firstDataLogin));
  return {
    open(session) {
      const { tokens, onVaultGone } = options;
      return new PinnedSession({ ...planeOf(session.tenant.login), tokens, onVaultGone }, session);
    },
    ping: () => probe.ask(),
    async close() {
      await Promise.all([probe.close(), ...[...planes.values()].map(({ plane }) => plane.close())]);
    },
  };
}

/** What all sessions of a login share. */
interface SessionParts {
  readonly tokens: TenantTokens;
  readonly onVaultGone: TenantSessionsOptions["onVaultGone"];
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

class PinnedSession implements TenantSession {
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
      let isSent = false;
      const onSend = () => {
        isSent = true;
      };
      const [rows = []] = await this.#attempt(
        () => {
          isSent = false;
          return this.#parts.plane.run(this.#pin(), statement, [values], this.#options.signal, onSend);
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

  /** Makes up to three attempts where the database asks for another. */
  async #attempt<T>(run: () => Promise<T>, isCommitting: () => boolean): Promise<T> {
    const { signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (signal.aborted) throw abortError(signal, error);
        // A cancellation that nobody here asked for was meant for the connection's caller before.
        if (attempt < attempts && (isRetryable(error) || isStaleConnection(error) || sqlStateOf(error) === "57014")) {
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
      query: async ({ text }, values) => await run(text, [...values]),
      async finish({ text }, values) {
        onCommit();
        return await run(text, lastValues(values));
      },
    };
  }
}

function abortError(signal: AbortSignal, cause: unknown): Error {
  const known = toWellvaultError(signal.reason);
  return known ?? errors.cancelled(cause);
}

import pg from "pg";
import { type BatchStep, StatementBatch, type StepResult } from "./statement-batch.ts";

/** What a statement that opens or ends a transaction returns. */
export const done = { command: "", rowCount: null, oid: 0, rows: [], fields: [] };

/** Gives a client back to its pool; with a reason, the pool closes it. */
type Release = (reason?: Error | boolean) => void;

/**
 * What DISCARD ALL does, but for the plans: they hold nothing of a tenant, and functions that every
 * transaction calls would be planned anew each time. Sent in one write, as one implicit transaction.
 */
const discard: readonly BatchStep[] = [
  "close all",
  "set session authorization default",
  "reset all",
  "deallocate all",
  "unlisten *",
  "select pg_catalog.pg_advisory_unlock_all()",
  "discard temp",
  "discard sequences",
].map((text) => ({ text, values: [], ignoresRows: true }));

/** How long a connection may take to discard its state before it is closed, in milliseconds. */
const discardTimeoutMs = 5_000;

/**
 * A `pg` client that sends every query by the extended protocol, which takes one statement a message: text with a
 * second statement in it is refused by the server (42601), whoever wrote it.
 *
 * Its `begin` and `rollback` never reject. Kysely gives a connection back to the pool only after both
 * went well, so a connection that the server dropped would be missing from the pool for ever, and the
 * pool be empty after a restart of the server. Instead the connection is closed, which undoes the
 * transaction, and every further statement on it rejects with what went wrong.
 *
 * It takes no named statements. PostgreSQL keeps them for whoever has the connection next, and what may be kept of which
 * vault is the business of the pinned client.
 *
 * A connection that the server ends never ends the process: the statement that was running rejects, and
 * the pool is told by its own listener. But a pool listens no more once it closes a client.
 *
 * A pool gets a connection back only when nothing of its last user is left on it: one that is inside a
 * transaction is closed, and every other one discards settings, prepared statements, cursors, locks,
 * listeners and temporary tables before anybody else can have it.
 */
export class ExtendedClient extends pg.Client {
  #lost: unknown;
  #used = false;
  #release: Release | undefined;

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on("error", () => undefined);
  }

  /** Whether a transaction cannot begin any more, because the connection was lost. */
  protected get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Whether the connection is to be closed when it is given back, to be replaced by a new one. */
  protected get isWornOut(): boolean {
    return false;
  }

  /**
   * Sends statements in one write. After statements whose text nobody but the source has a part in, nothing is
   * left on the connection that would have to be cleaned.
   */
  protected async sendBatch(
    steps: readonly BatchStep[],
    leavesNothing: boolean,
    closing: readonly string[] = [],
  ): Promise<StepResult[]> {
    if (this.#lost !== undefined) throw this.#lost;
    this.#used ||= !leavesNothing;
    const batch = new StatementBatch(steps, (typeId) => this.getTypeParser(typeId), closing);
    super.query(batch);
    return await batch.done;
  }

  /** What the pool put here, preceded by the clean-up. */
  get release(): Release | undefined {
    return this.#release;
  }

  set release(release: Release) {
    this.#release = (reason) => void this.#cleanUp(release, reason);
  }

  async #cleanUp(release: Release, reason: Error | boolean | undefined): Promise<void> {
    const idle = this.getTransactionStatus() === "I" && this.#lost === undefined;
    if (reason || !idle || this.isWornOut) return release(reason || true);
    if (!this.#used) return release();
    this.#used = false;
    const failure = await this.#discard().then(
      () => undefined,
      (error: Error) => error,
    );
    if (failure) release(failure);
    else release();
  }

  /** @throws whatever went wrong, or that it took too long; then the connection is of no use any more */
  async #discard(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error("the connection could not be cleaned in time")),
      discardTimeoutMs,
    );
    try {
      await Promise.race([this.sendBatch(discard, true), late.promise]);
    } finally {
      clearTimeout(timer);
    }
    // The statements that the server kept are gone with the rest.
    Object.assign(this.connection, { parsedStatements: {} });
  }

  // pg declares eight overloads; they all come down to these three shapes of the first argument.
  override query(config: unknown, ...rest: unknown[]): never {
    const query = super.query as unknown as (this: this, config: unknown, ...rest: unknown[]) => never;
    this.#used = true;
    if (typeof config === "string") {
      const [values, ...others] = Array.isArray(rest[0]) ? rest : [undefined, ...rest];
      const extended = { text: config, values, queryMode: "extended" };
      if (others.length > 0) return query.call(this, extended, ...others);
      if (/^(begin|start transaction|rollback)\b(?! to\b)/i.test(config)) return this.#edge(query.call(this, extended));
      return this.#lost === undefined ? query.call(this, extended) : (Promise.reject(this.#lost) as never);
    }
    if (typeof config === "object" && config !== null && "name" in config && config.name) {
      throw new Error("a named statement would stay on the connection for its next user");
    }
    // Cursors and streams speak the extended protocol themselves.
    if (typeof config === "object" && config !== null && "submit" in config) return query.call(this, config, ...rest);
    return query.call(this, { ...(config as object), queryMode: "extended" }, ...rest);
  }

  #edge(result: Promise<unknown>): never {
    return result.catch((error: unknown) => {
      this.#lost ??= error;
      this.end().catch(() => undefined);
      return done;
    }) as never;
  }
}

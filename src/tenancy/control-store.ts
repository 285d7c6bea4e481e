import pg from "pg";
import { ExtendedClient } from "../database/extended-client.ts";
import { toWellvaultError } from "../database/sqlstate.ts";
import type { Statement } from "../database/statement.ts";

/** Runs statements on the control plane, as the login that provisions and reads companies. */
export interface ControlStore {
  /** Runs one statement with bound parameters. */
  query<Values extends readonly unknown[], Row>(
    statement: Statement<Values, Row>,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** How to open a {@link ControlStore}. */
export interface ControlStoreOptions {
  /** URL of the database as the control plane's login, `wellvault_control`. */
  readonly url: string;
  /** Told of connections that broke while idle. */
  readonly onWarning: (message: string) => void;
}

/** Opens the control plane's small pool. It has no right in any vault. */
export function openControlStore(options: ControlStoreOptions): ControlStore {
  const pool = new pg.Pool({
    Client: ExtendedClient,
    connectionString: options.url,
    application_name: "wellvault control",
    max: 8,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    idle_in_transaction_session_timeout: 5_000,
    lock_timeout: 5_000,
    statement_timeout: 30_000,
    maxLifetimeSeconds: 1_800,
  } as pg.PoolConfig);
  pool.on("error", (error) => options.onWarning(`control connection lost: ${error.message}`));
  return {
    async query<Values extends readonly unknown[], Row>(
      statement: Statement<Values, Row>,
      values: Values,
      signal?: AbortSignal,
    ) {
      signal?.throwIfAborted();
      let client: pg.PoolClient;
      try {
        client = await pool.connect();
      } catch (error) {
        throw toWellvaultError(error) ?? error;
      }
      if (signal?.aborted) {
        // Nobody waits any more, so nothing is done on the caller's behalf.
        client.release();
        throw toWellvaultError(signal.reason) ?? signal.reason;
      }
      const cancel = () => void cancelBackend(options.url, client);
      const ignore = () => undefined;
      client.on("error", ignore);
      signal?.addEventListener("abort", cancel, { once: true });
      let broken = false;
      try {
        const result = await client.query<Row & pg.QueryResultRow>(statement.text, [...values]);
        return result.rows as Row[];
      } catch (error) {
        const known = toWellvaultError(error);
        broken = known !== undefined;
        // A lost connection leaves it open whether the statement was done; every statement here may be repeated.
        throw (signal?.aborted ? toWellvaultError(signal.reason) : known) ?? error;
      } finally {
        signal?.removeEventListener("abort", cancel);
        client.off("error", ignore);
        // After an abort a cancellation may still be on its way to this connection: do not reuse it.
        client.release(broken || (signal?.aborted ?? false));
      }
    },
    close: () => pool.end(),
  };
}

/**
 * Cancels what a connection runs, over a new one: the pool may have none left exactly because of what
 * is to be cancelled.
 */
async function cancelBackend(url: string, { processID }: pg.PoolClient & { processID?: number }): Promise<void> {
  if (processID === undefined) return;
  const client = new pg.Client({
    connectionString: url,
    application_name: "wellvault cancel",
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select pg_catalog.pg_cancel_backend($1)", [processID]);
  } catch {
    // statement_timeout ends the statement, later.
  } finally {
    await client.end().catch(() => undefined);
  }
}

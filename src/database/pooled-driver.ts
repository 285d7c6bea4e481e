import {
  type AbortableOperationOptions,
  type CompiledQuery,
  type DatabaseConnection,
  PostgresDriver,
  type QueryResult,
} from "kysely";
import type pg from "pg";
import Cursor from "pg-cursor";
import { cancelQuery } from "./cancel-query.ts";

/**
 * Kysely's driver for PostgreSQL over a pool, but for what becomes of an operation that was aborted. Its caller was
 * answered, so how it ends is told to nobody: Kysely would print it on the standard error, with the server's own
 * words, which may name a vault. And a statement is cancelled by the key of the connection that it runs on; Kysely
 * would open another connection for a query by process id, which behind a pooler names a process that is not there.
 */
export class PooledDriver extends PostgresDriver {
  readonly #pool: pg.Pool;
  readonly #connections = new WeakMap<pg.PoolClient, ClientConnection>();

  constructor(pool: pg.Pool) {
    super({ pool: pool as never });
    this.#pool = pool;
  }

  override async acquireConnection(options?: AbortableOperationOptions): Promise<DatabaseConnection> {
    const client = await this.#pool.connect().catch((error: unknown) => withheld(error, options));
    const connection = this.#connections.get(client) ?? new ClientConnection(client);
    this.#connections.set(client, connection);
    return connection;
  }

  override async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as ClientConnection).client.release();
  }
}

/** Throws the error for a caller who still waits. For one who left nothing comes, and the promise is forgotten. */
async function withheld(error: unknown, options: AbortableOperationOptions | undefined): Promise<never> {
  if (options?.signal?.aborted) return await new Promise<never>(() => undefined);
  throw error;
}

/** A client of the pool as Kysely uses it. */
class ClientConnection implements DatabaseConnection {
  readonly client: pg.PoolClient;
  #isBusy = false;

  constructor(client: pg.PoolClient) {
    this.client = client;
  }

  async executeQuery<Row>(compiled: CompiledQuery, options?: AbortableOperationOptions): Promise<QueryResult<Row>> {
    this.#isBusy = true;
    try {
      const { command, rowCount, rows } = await this.client.query(compiled.sql, compiled.parameters as unknown[]);
      const isChange = /^(insert|update|delete|merge)$/i.test(command);
      return { rows: rows as Row[], ...(isChange && { numAffectedRows: BigInt(rowCount ?? 0) }) };
    } catch (error) {
      // Kysely has thrown the signal's reason already.
      if (options?.signal?.aborted) return { rows: [] };
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Asks the server to stop the statement; one that is over is let be. */
  async cancelQuery(): Promise<void> {
    if (this.#isBusy) await cancelQuery(this.client);
  }

  async *streamQuery<Row>(
    compiled: CompiledQuery,
    chunkSize: number,
    options?: AbortableOperationOptions,
  ): AsyncIterableIterator<QueryResult<Row>> {
    const cursor = this.client.query(new Cursor<Row>(compiled.sql, [...compiled.parameters]));
    let cancelled: Promise<void> | undefined;
    const cancel = () => {
      cancelled = cancelQuery(this.client);
    };
    options?.signal?.addEventListener("abort", cancel, { once: true });
    try {
      for (;;) {
        const rows = await cursor.read(chunkSize);
        if (rows.length === 0) return;
        yield { rows };
      }
    } catch (error) {
      if (!options?.signal?.aborted) throw error;
    } finally {
      options?.signal?.removeEventListener("abort", cancel);
      // At once: after an error it waits for an answer that is on its way already.
      await cursor.close();
      // A cancellation on its way must not meet whoever has the connection next.
      await cancelled;
    }
  }
}

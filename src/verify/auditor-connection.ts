import { ExtendedClient } from "../database/extended-client.ts";

/** A connection as the auditor's login, which can read the catalogue and no row of any vault. */
export interface AuditorConnection {
  /** Runs one statement with bound parameters. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs `work` with everything it reads taken at one moment; nothing can be written. */
  snapshot<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** How long one statement may take, in milliseconds: enough for ten thousand vaults. */
const statementTimeoutMs = 120_000;

/**
 * Opens a connection as the auditor's login.
 *
 * @param url URL of the database as `wellvault_auditor`
 * @param signal closes the connection when it fires
 */
export async function openAuditorConnection(url: string, signal?: AbortSignal): Promise<AuditorConnection> {
  signal?.throwIfAborted();
  const client = new ExtendedClient({
    connectionString: url,
    application_name: "wellvault verify",
    connectionTimeoutMillis: 10_000,
    statement_timeout: statementTimeoutMs,
  });
  client.on("error", () => undefined);
  const close = () => void client.end().catch(() => undefined);
  signal?.addEventListener("abort", close, { once: true });
  await client.connect();
  async function query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const result = (await client.query({ text, values: [...values] })) as { rows: Row[] };
    return result.rows;
  }
  return {
    query,
    async snapshot(work) {
      await query("begin isolation level repeatable read read only");
      try {
        // The catalogue's statistics may be as old as its last autovacuum; a plan made for an empty one would
        // loop over every vault for every vault.
        for (const setting of ["enable_nestloop = off", "jit = off", "work_mem = '128MB'"]) {
          await query(`set local ${setting}`);
        }
        return await work();
      } finally {
        await query("rollback").catch(() => undefined);
      }
    },
    async close() {
      signal?.removeEventListener("abort", close);
      await client.end().catch(() => undefined);
    },
  };
}

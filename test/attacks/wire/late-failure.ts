import { CompiledQuery, type Driver, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { expect } from "vitest";
import { PinnedClient } from "../../../src/database/pinned-client.ts";

/**
 * Has a statement fail after its caller left, with the text in the server's words, on a pool of the service's clients.
 *
 * @param driver what Kysely uses the pool through
 */
export async function failLate(url: string, text: string, driver: (pool: pg.Pool) => Driver): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1, Client: PinnedClient as never });
  const dialect = Object.assign(new PostgresDialect({ pool: pool as never }), { createDriver: () => driver(pool) });
  const database = new Kysely<never>({ dialect });
  try {
    await database.executeQuery(CompiledQuery.raw("select 1"));
    await expect.poll(() => pool.idleCount, { interval: 1 }).toBe(1);
    const leave = new AbortController();
    const running = database.executeQuery(CompiledQuery.raw(failing, [text]), { signal: leave.signal });
    await expect.poll(() => pool.idleCount, { interval: 1 }).toBe(0);
    const left = new Error("the caller left");
    leave.abort(left);
    await expect(running).rejects.toBe(left);
    // It is over when the connection is back.
    await expect.poll(() => pool.idleCount, { timeout: 20_000 }).toBe(1);
  } finally {
    await database.destroy();
  }
}

/** Counts for a while, and then takes the text for a number. */
const failing =
  "select ($1::text || counted.n)::integer from (select count(*) as n from generate_series(1, 3000000)) as counted";

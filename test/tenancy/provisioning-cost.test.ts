import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMigratedDatabase, type TestDatabase } from "../support/database.ts";
import { migrateForTest } from "../support/migrate.ts";

// With ten thousand vaults pg_class has a row for each of hundreds of thousands of tables and indexes.

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createMigratedDatabase();
  await migrateForTest(database.url);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Rows of the catalogue that the transaction read without an index, by table. */
async function rowsScanned(): Promise<Record<string, number>> {
  const { rows } = await client.query<{ relname: string; rows: number }>(`
    select relname, seq_tup_read::integer as rows from pg_stat_xact_sys_tables
    where relname in ('pg_class', 'pg_depend', 'pg_attribute', 'pg_constraint', 'pg_policy') and seq_tup_read > 0`);
  return Object.fromEntries(rows.map((row) => [row.relname, row.rows]));
}

test("to provision a company reads nothing of the tables of the others", async () => {
  await client.query("begin");
  await client.query("insert into control.companies (tenant_id, display_name) values ('company-a', 'A')");
  expect(await rowsScanned()).toEqual({});
  // The control: a look that has no index is found.
  await client.query("select relname from pg_class where relkind = 'v'");
  expect((await rowsScanned())["pg_class"]).toBeGreaterThan(100);
  await client.query("rollback");
});

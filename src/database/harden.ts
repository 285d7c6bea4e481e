import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

/** Where the two files stand. */
const sqlFolder = join(import.meta.dirname, "../../sql");

/**
 * Takes from PUBLIC what only a superuser can take: what sql/hardening-targets.sql lists. Another role
 * changes nothing and finds out whether it is done, by a superuser and for this version.
 *
 * @returns whether nothing is left to take or to give
 */
export async function harden(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ super: boolean }>(
    "select rolsuper as super from pg_catalog.pg_roles where rolname = current_user",
  );
  const targets = await client.query<{ statements: string }>(
    await readFile(join(sqlFolder, "hardening-targets.sql"), "utf8"),
  );
  if (!rows[0]?.super) {
    if (targets.rows.length > 0) return false;
    // An earlier version took the same and gave less: this is what it gave last.
    const given = await client.query<{ newest: boolean }>(
      `select pg_catalog.has_function_privilege(
         'wellvault_session', 'pg_catalog.has_function_privilege(text, text)', 'execute') as newest`,
    );
    return given.rows[0]?.newest === true;
  }
  const grants = await readFile(join(sqlFolder, "hardening.sql"), "utf8");
  // One message, so one transaction: nothing is taken from PUBLIC before the service's roles have it.
  await client.query([...targets.rows.map((row) => row.statements), grants].join(";\n"));
  return true;
}

/**
 * Hardens a database and does nothing else to it: no password, no key and no migration changes, so a
 * superuser can do it for the role that migrates.
 *
 * @param url URL of the database as a superuser
 * @returns whether nothing is left to take or to give
 */
export async function hardenDatabase(url: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: "wellvault harden",
  });
  // The failure itself reaches us through the query that was running.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await harden(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

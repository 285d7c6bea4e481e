import pg from "pg";
import { isRetryable } from "../database/sqlstate.ts";

/** What {@link migrateFleet} did. */
export interface FleetReport {
  /** Vaults brought to the newest version. */
  readonly migrated: number;
  /** Vaults that are there. */
  readonly total: number;
}

/** How often a vault is tried whose tables are in use. With the pauses in between some ten seconds. */
const attempts = 20;

/**
 * Brings every vault to the newest tenant migration, one vault a transaction, by the same function
 * that builds new ones. A vault that fails stops the run; those before it keep their new version, and
 * running it again goes on from there.
 *
 * @param url URL of the database as the migrating role
 * @param onProgress called after each vault
 */
export async function migrateFleet(url: string, onProgress?: (done: number, of: number) => void): Promise<FleetReport> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "wellvault fleet",
    // Calls queue behind a migration that waits for a lock: let them pass and try again.
    lock_timeout: 200,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ tenant_id: string; vault: string; behind: boolean; target: number }>(`
      select c.tenant_id, c.vault::text as vault, c.schema_version < latest.version as behind, latest.version as target
      from control.companies as c
      cross join (select max(version) as version from control.tenant_migrations) as latest
      order by c.create_time, c.company_id
    `);
    const behind = rows.filter((row) => row.behind);
    for (const [index, row] of behind.entries()) {
      await migrateVault(client, row.vault, row.target).catch((cause: unknown) => {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`The vault of ${row.tenant_id} was not migrated: ${reason}`, { cause });
      });
      onProgress?.(index + 1, behind.length);
    }
    return { migrated: behind.length, total: rows.length };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function migrateVault(client: pg.Client, vault: string, target: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query("select control.migrate_vault($1, $2)", [vault, target]);
      return;
    } catch (error) {
      if (attempt === attempts || !isRetryable(error)) throw error;
      await new Promise((done) => setTimeout(done, 300 * Math.random()));
    }
  }
}

import pg from "pg";

/** What {@link migrateFleet} did. */
export interface FleetReport {
  /** Vaults brought to the newest version. */
  readonly migrated: number;
  /** Vaults that are there. */
  readonly total: number;
}

/**
 * Brings every vault to the newest tenant migration, one vault a transaction, by the same function
 * that builds new ones. A vault that fails stops the run; those before it keep their new version, and
 * running it again goes on from there.
 *
 * @param url URL of the database as the migrating role
 * @param onProgress called after each vault
 */
export async function migrateFleet(url: string, onProgress?: (done: number, of: number) => void): Promise<FleetReport> {
  const client = new pg.Client({ connectionString: url, application_name: "wellvault fleet", lock_timeout: 200 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ vault: string; behind: boolean; target: number }>(`
      select c.vault::text as vault, c.schema_version < latest.version as behind, latest.version as target
      from control.companies as c
      cross join (select max(version) as version from control.tenant_migrations) as latest
      order by c.create_time, c.company_id
    `);
    const behind = rows.filter((row) => row.behind);
    for (const [index, row] of behind.entries()) {
      await client.query("select control.migrate_vault($1, $2)", [row.vault, row.target]);
      onProgress?.(index + 1, behind.length);
    }
    return { migrated: behind.length, total: rows.length };
  } finally {
    await client.end().catch(() => undefined);
  }
}

import pg from "pg";

/** A key that tenant tokens may be signed with. */
export interface InstalledKey {
  /** See TokenKey.id. */
  readonly id: string;
  /** When it was put into use, in UTC (ISO 8601). */
  readonly createTime: string;
}

/**
 * Lists the keys that tenant tokens may be signed with, oldest first.
 *
 * @param url URL of the database as the migrating role
 */
export async function listTokenKeys(url: string): Promise<InstalledKey[]> {
  return await connected(url, async (client) => {
    const { rows } = await client.query<{ key_id: string; create_time: Date }>(
      "select key_id, create_time from guard.keys order by create_time, key_id",
    );
    return rows.map((row) => ({ id: row.key_id, createTime: row.create_time.toISOString() }));
  });
}

/**
 * Ends the use of every key but one. Transactions of processes that still sign with another one fail from
 * then on.
 *
 * @param url URL of the database as the migrating role
 * @returns how many keys were retired
 * @throws Error when the key to keep is not there
 */
export async function retireTokenKeys(url: string, keep: string): Promise<number> {
  return await connected(url, async (client) => {
    const { rows } = await client.query<{ retired: number }>("select guard.retire_keys($1) as retired", [keep]);
    return rows[0]?.retired ?? 0;
  });
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: "wellvault keys",
  });
  // The failure itself reaches us through the query that was running.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

import type { EventEmitter } from "node:events";
import { join } from "node:path";
import type pg from "pg";
import { ExtendedClient } from "./extended-client.ts";
import { type Migration, readMigrations, sqlFolder } from "./migrations.ts";
import type { TokenKey } from "./token-key.ts";

/** What a database that needs no migration is. */
export interface MigratedDatabase {
  /** The server's version, such as `18.4`. */
  readonly serverVersion: string;
  /** Companies that are there. */
  readonly companies: number;
}

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

const wayOut = "Run `wellvault migrate` with the DATABASE_URL of the role that owns the database, then start again.";

/**
 * Checks that a database is ready to be served by this version, for a process that has no right to
 * migrate it: every migration applied, every vault up to date, the key of the tenant tokens in use. A
 * database that is ahead, because a newer version migrated it, is ready.
 *
 * @param url URL of the database as the control plane's login
 * @throws Error that says what is missing and who mends it
 */
export async function requireMigrated(url: string, tokenKey: TokenKey): Promise<MigratedDatabase> {
  const control = await readMigrations(join(sqlFolder, "control"));
  const newest = (await readMigrations(join(sqlFolder, "tenant"))).length;
  const client: pg.Client = new ExtendedClient({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: "wellvault start",
  });
  // PostgreSQL says its version when a connection opens; to ask for it takes a right that hardening takes away.
  let serverVersion = "";
  const { connection } = client as unknown as { connection: EventEmitter };
  connection.on("parameterStatus", ({ parameterName, parameterValue }: ParameterStatus) => {
    if (parameterName === "server_version") serverVersion = parameterValue.split(" ")[0] ?? parameterValue;
  });
  await client.connect();
  try {
    const missing = await missingMigration(client, control);
    if (missing) throw new Error(`The database lacks ${missing}. ${wayOut}`);
    const { rows } = await client.query<{ key: boolean; companies: number; behind: number }>(
      `select
         exists (select from guard.keys as k where k.key_id = $1) as key,
         count(c.company_id)::integer as companies,
         count(c.company_id) filter (where c.schema_version < $2)::integer as behind
       from control.companies as c`,
      [tokenKey.id, newest],
    );
    const [found] = rows;
    if (!found) throw new Error("the database answered nothing");
    if (!found.key) throw new Error(`The database does not know the key of WELLVAULT_TOKEN_SECRET. ${wayOut}`);
    if (found.behind > 0) {
      throw new Error(`${found.behind} of ${found.companies} vaults are behind the newest migration. ${wayOut}`);
    }
    return { serverVersion, companies: found.companies };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Returns the file that is not applied as it stands here, or undefined. */
async function missingMigration(client: pg.Client, control: readonly Migration[]): Promise<string | undefined> {
  const applied = await client
    .query<{ version: number; checksum: string }>("select version, checksum from control.control_migrations")
    .catch((cause: unknown) => {
      throw new Error(`The database was not set up for Wellvault. ${wayOut}`, { cause });
    });
  const checksums = new Map(applied.rows.map((row) => [row.version, row.checksum]));
  const missing = control.find(({ version, checksum }) => checksums.get(version) !== checksum);
  return missing && `sql/control/${missing.name}.sql`;
}

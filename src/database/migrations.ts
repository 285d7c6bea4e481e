import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { harden } from "./harden.ts";
import { addDataLogins, setLoginPasswords } from "./logins.ts";
import { loadMetricKinds, type MetricKindRow } from "./metric-kinds.ts";
import { sqlStateOf } from "./sqlstate.ts";
import type { TokenKey } from "./token-key.ts";

/** A numbered SQL file. */
export interface Migration {
  /** Its number; files are applied in ascending order without a gap. */
  readonly version: number;
  /** Its file name without the ending. */
  readonly name: string;
  /** Its text. */
  readonly body: string;
  /** SHA-256 of its text, in hexadecimal. */
  readonly checksum: string;
}

/** What {@link migrateControl} found and did. */
export interface MigrationReport {
  /** The server's version, such as `18.4`. */
  readonly serverVersion: string;
  /** Names of the control migrations applied now. */
  readonly applied: readonly string[];
  /** Number of the newest tenant migration. */
  readonly tenantVersion: number;
  /** Logins whose password was set now. */
  readonly passwordsSet: readonly string[];
  /** Those of them that were there before: a process that still uses the old password can open no connection. */
  readonly passwordsChanged: readonly string[];
  /**
   * Whether PUBLIC has nothing left that sql/hardening-targets.sql takes, and the service has what sql/hardening.sql gives;
   * only a superuser can do either.
   */
  readonly hardened: boolean;
  /** Keys that tenant tokens may be signed with. More than one while keys are being changed. */
  readonly tokenKeys: number;
}

/** What to bring a database up to. */
export interface MigrationOptions {
  /** See {@link loginUrl}. */
  readonly loginSecret: string | undefined;
  /** The key of the tenant tokens, which is put into use. */
  readonly tokenKey: TokenKey;
  /** The catalogue of metric kinds, which is put into its table. */
  readonly metricKinds: readonly MetricKindRow[];
  /** Logins of the data plane that there are to be, 1 to 99. Default 1. */
  readonly dataLogins?: number;
  /** The migrations of a vault; default the files of `sql/tenant`. */
  readonly tenantMigrations?: readonly Migration[];
}

/** Where the numbered files of the control plane and of a vault stand. */
export const sqlFolder = join(import.meta.dirname, "../../sql");

/**
 * One key for every Wellvault process of a database: two that start at once take turns.
 * The number is arbitrary; it only has to be the same everywhere.
 */
const migrationLock = 7_355_608_143;

/**
 * Brings the control plane of the database up to date: applies the files of `sql/control` that are
 * new, loads the files of `sql/tenant` and the catalogue of metric kinds, applies `sql/hardening.sql` if it may, adds the logins and sets
 * their passwords, and puts the key of the tenant tokens into use. Existing vaults are left as they are;
 * tenancy/fleet.ts migrates those.
 *
 * @param url URL of the database as the migrating role: a superuser, or a role with CREATEROLE that
 *   owns the database
 * @throws Error when the server is older than 16 or a released file was changed
 */
export async function migrateControl(url: string, options: MigrationOptions): Promise<MigrationReport> {
  const control = await readMigrations(join(sqlFolder, "control"));
  const tenant = options.tenantMigrations ?? (await readMigrations(join(sqlFolder, "tenant")));
  // Roles belong to the whole server, so another database's migration can get in the way.
  const applied: string[] = [];
  for (let attempt = 1; ; attempt++) {
    try {
      return await migrateOnce(url, options, control, tenant, applied);
    } catch (error) {
      if (attempt === 8 || !isRace(error)) throw error;
      await new Promise((done) => setTimeout(done, 25 * 2 ** attempt * Math.random()));
    }
  }
}

async function migrateOnce(
  url: string,
  { loginSecret, tokenKey, metricKinds, dataLogins = 1 }: MigrationOptions,
  control: readonly Migration[],
  tenant: readonly Migration[],
  applied: string[],
): Promise<MigrationReport> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: "wellvault migrate",
  });
  // The failure itself reaches us through the query that was running.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ number: number; version: string }>(
      "select current_setting('server_version_num')::integer as number, current_setting('server_version') as version",
    );
    const server = rows[0];
    if (!server || server.number < 160_000) {
      throw new Error(`Wellvault needs PostgreSQL 16 or newer, and this server is ${server?.version ?? "unknown"}.`);
    }
    await client.query("select pg_catalog.pg_advisory_lock($1)", [migrationLock]);
    await applyControl(client, control, applied);
    await loadTenant(client, tenant);
    await loadMetricKinds(client, metricKinds);
    const hardened = await harden(client);
    const added = await addDataLogins(client, dataLogins);
    const passwordsSet = await setLoginPasswords(client, url, loginSecret);
    await client.query("select guard.install_key($1, $2)", [tokenKey.id, tokenKey.secret]);
    const keys = await client.query<{ count: number }>("select count(key_id)::integer as count from guard.keys");
    return {
      serverVersion: server.version.split(" ")[0] ?? server.version,
      applied,
      tenantVersion: tenant.at(-1)?.version ?? 0,
      passwordsSet,
      passwordsChanged: applied.length > 0 ? [] : passwordsSet.filter((login) => !added.includes(login)),
      hardened,
      tokenKeys: keys.rows[0]?.count ?? 0,
    };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Reads the numbered files of a folder, in order. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  const migrations = await Promise.all(
    files.map(async (file) => {
      const match = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file);
      if (!match) throw new Error(`${file} is not named like 0001_what_it_does.sql.`);
      const body = await readFile(join(folder, file), "utf8");
      return {
        version: Number(match[1]),
        name: file.replace(/\.sql$/, ""),
        body,
        checksum: createHash("sha256").update(body).digest("hex"),
      };
    }),
  );
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) throw new Error(`${migration.name}.sql leaves a gap or stands twice.`);
  });
  return migrations;
}

async function applyControl(client: pg.Client, migrations: readonly Migration[], applied: string[]): Promise<void> {
  const known = await client.query<{ exists: boolean }>(
    "select to_regclass('control.control_migrations') is not null as exists",
  );
  const done = known.rows[0]?.exists ? await recorded(client, "control_migrations") : new Map<number, string>();
  for (const migration of migrations) {
    if (isDone(done, migration, "control")) continue;
    await client.query("begin");
    try {
      await client.query(migration.body);
      await client.query("insert into control.control_migrations (version, name, checksum) values ($1, $2, $3)", [
        migration.version,
        migration.name,
        migration.checksum,
      ]);
      await client.query("commit");
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
    applied.push(migration.name);
  }
}

async function loadTenant(client: pg.Client, migrations: readonly Migration[]): Promise<void> {
  const done = await recorded(client, "tenant_migrations");
  for (const migration of migrations) {
    if (isDone(done, migration, "tenant")) continue;
    await client.query(
      "insert into control.tenant_migrations (version, name, body, checksum) values ($1, $2, $3, $4)",
      [migration.version, migration.name, migration.body, migration.checksum],
    );
  }
}

async function recorded(
  client: pg.Client,
  table: "control_migrations" | "tenant_migrations",
): Promise<Map<number, string>> {
  const { rows } = await client.query<{ version: number; checksum: string }>(
    `select version, checksum from control.${table}`,
  );
  return new Map(rows.map((row) => [row.version, row.checksum]));
}

function isDone(done: ReadonlyMap<number, string>, migration: Migration, folder: string): boolean {
  const checksum = done.get(migration.version);
  if (checksum !== undefined && checksum !== migration.checksum) {
    throw new Error(
      `sql/${folder}/${migration.name}.sql was changed after it was applied to this database. ` +
        "Restore the file and put the change into a new one.",
    );
  }
  return checksum !== undefined;
}

function isRace(error: unknown): boolean {
  // unique_violation and duplicate_object: another database made the role first;
  // internal_error "tuple concurrently updated": both altered it.
  const state = sqlStateOf(error) ?? "";
  return ["23505", "42710"].includes(state) || (state === "XX000" && /concurrently/.test(String(error)));
}

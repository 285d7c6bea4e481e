import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { type Migration, readMigrations, sqlFolder } from "../../src/database/migrations.ts";
import { migrateFleet } from "../../src/tenancy/fleet.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { fingerprint } from "../support/fingerprint.ts";
import { migrateForTest } from "../support/migrate.ts";

let database: TestDatabase;
let released: readonly Migration[];

beforeAll(async () => {
  database = await createTestDatabase();
  released = await readMigrations(`${sqlFolder}/tenant`);
});
afterAll(() => database.drop());

/** The stamp that every table of a vault must have. */
const stamp = "company_id uuid not null default '$company' check (company_id = '$company')";

function extra(version: number, body: string): Migration {
  return { version, name: `${String(version).padStart(4, "0")}_extra`, body, checksum: body };
}

async function migrate(migrations: readonly Migration[]): Promise<void> {
  await migrateForTest(database.url, { tenantMigrations: migrations });
}

/** Inserts a company and returns its vault. */
async function provision(tenantId: string): Promise<string> {
  await database.admin.query("insert into control.companies (tenant_id, display_name) values ($1, $1)", [tenantId]);
  return (await company(tenantId)).vault;
}

async function company(tenantId: string): Promise<{ vault: string; version: number }> {
  const { rows } = await database.admin.query<{ vault: string; version: number }>(
    "select vault::text, schema_version as version from control.companies where tenant_id = $1",
    [tenantId],
  );
  if (!rows[0]) throw new Error(`${tenantId} is missing`);
  return rows[0];
}

test("a vault migrated up step by step equals one made today, and keeps its rows", async () => {
  await migrate(released.slice(0, 1));
  const old = await provision("old");
  const insert = `insert into ${old}.employees (employee_no, employee_id, external_id)`;
  await database.admin.query(`${insert} values (1, gen_random_uuid(), 'kept')`);
  for (let count = 2; count <= released.length; count++) {
    await migrate(released.slice(0, count));
    expect(await migrateFleet(database.url)).toEqual({ migrated: 1, total: 1 });
  }
  const today = await provision("today");

  const lines = await fingerprint(database.admin, old);
  expect(lines).toEqual(await fingerprint(database.admin, today));
  expect(lines.length).toBeGreaterThan(80);
  expect(lines.join("\n")).not.toContain(old);
  expect(await company("old")).toMatchObject({ version: released.length });
  expect((await database.admin.query(`select from ${old}.employees where external_id = 'kept'`)).rowCount).toBe(1);
  const seeds = async (vault: string) =>
    (await database.admin.query(`select name from ${vault}.counters order by name`)).rows;
  expect(await seeds(old)).toEqual(await seeds(today));
});

describe("the fingerprint would notice", () => {
  let vault: string;
  let before: string[];
  beforeAll(async () => {
    await migrate(released);
    vault = await provision("drifting");
    before = await fingerprint(database.admin, vault);
  });

  test.each([
    ["an index that is gone", "drop index {}.log_entries_start_time_idx"],
    ["an index more", "create index on {}.samples (start_time)"],
    ["a column's default", "alter table {}.employees alter column team set default 'x'"],
    ["a column that may be null", "alter table {}.employees alter column team drop not null"],
    ["a column's type", "alter table {}.samples alter column kind type integer"],
    ["a column more", "alter table {}.employees add column extra text"],
    ["a check that is gone", "alter table {}.samples drop constraint samples_value_check"],
    ["a check that is not validated", "alter table {}.samples add constraint late check (kind > 0) not valid"],
    ["a foreign key's trigger switched off", "alter table {}.samples disable trigger all"],
    ["a right more", "grant delete on {}.employees to {}"],
    ["a right of a column", "grant update (slug) on {}.sample_sources to {}"],
    ["a right for everybody", "grant select on {}.employees to public"],
    ["the schema opened to the login", "grant usage on schema {} to wellvault_app"],
    ["another owner", "alter table {}.employees owner to {}"],
    ["a comment", "comment on table {}.employees is 'x'"],
    ["row level security", "alter table {}.employees disable row level security"],
    ["a policy", "create policy p on {}.employees using (true)"],
    ["a function", "create function {}.f() returns integer language sql as 'select 1'"],
    ["a rule", "create rule r as on delete to {}.employees do instead nothing"],
    ["a role that may log in", "alter role {} login"],
    ["a role's setting", "alter role {} set statement_timeout = 0"],
    ["a membership more", "grant {} to wellvault_control"],
    ["a membership that is inherited", "grant {} to wellvault_app with inherit true"],
    ["a right in the control schema", "grant usage on schema control to {}"],
    ["default privileges", "alter default privileges for role {} grant select on tables to public"],
  ])("%s", async (_, sql) => {
    await database.admin.query("begin");
    try {
      await database.admin.query(sql.replaceAll("{}", vault));
      expect(await fingerprint(database.admin, vault)).not.toEqual(before);
    } finally {
      await database.admin.query("rollback");
    }
    expect(await fingerprint(database.admin, vault)).toEqual(before);
  });
});

describe("the fleet", () => {
  test("stops at a vault that fails, keeps those before it, and goes on when it is run again", async () => {
    await migrate(released);
    await migrateFleet(database.url);
    const names = ["fleet-1", "fleet-2", "fleet-3"];
    const vaults: string[] = [];
    for (const name of names) vaults.push(await provision(name));
    const [first = "", second = "", third = ""] = vaults;
    const versions = async () => {
      const { rows } = await database.admin.query<{ version: number }>(
        "select schema_version as version from control.companies where tenant_id = any ($1) order by tenant_id",
        [names],
      );
      return rows.map((row) => row.version);
    };
    const latest = released.length;
    await migrate([
      ...released,
      extra(latest + 1, `create table extra (a integer, ${stamp}); grant select on extra to "$vault"`),
    ]);
    // What stands in the way of the migration in one vault only.
    await database.admin.query(`create table ${second}.extra (mine text)`);

    const progress: number[] = [];
    await expect(migrateFleet(database.url, (done) => progress.push(done))).rejects.toMatchObject({
      message: expect.stringContaining("fleet-2"),
    });
    expect(await versions()).toEqual([latest + 1, latest, latest]);
    expect(progress.length).toBeGreaterThan(0);

    await database.admin.query(`drop table ${second}.extra`);
    const report = await migrateFleet(database.url);
    expect(report.migrated).toBe(2);
    expect(await versions()).toEqual([latest + 1, latest + 1, latest + 1]);
    expect(await migrateFleet(database.url)).toEqual({ migrated: 0, total: report.total });
    expect(await fingerprint(database.admin, first)).toEqual(await fingerprint(database.admin, third));
  });

  test("waits for a call that uses a vault, instead of failing the start of the service", async () => {
    const vault = await provision("busy");
    const latest = (await company("busy")).version;
    const tenant = await database.admin.query<Migration>("select * from control.tenant_migrations order by version");
    await migrate([...tenant.rows, extra(latest + 1, "alter table employees add column extra text")]);
    const call = new pg.Client({ connectionString: database.url });
    await call.connect();
    await call.query(`begin; select from ${vault}.employees`);
    const running = migrateFleet(database.url);
    // Longer than the fleet waits for a lock at a time, so that calls do not queue behind it.
    await new Promise((done) => setTimeout(done, 400));
    await call.query("commit");
    await call.end();
    await running;
    expect((await company("busy")).version).toBe(latest + 1);
  });

  test("two runs at once do each vault once", async () => {
    const latest = (await company("busy")).version;
    const tenant = await database.admin.query<Migration>("select * from control.tenant_migrations order by version");
    await migrate([...tenant.rows, extra(latest + 1, `create table once (a integer, ${stamp})`)]);
    await Promise.all([migrateFleet(database.url), migrateFleet(database.url)]);
    const behind = "select from control.companies where schema_version <> $1";
    expect((await database.admin.query(behind, [latest + 1])).rowCount).toBe(0);
  });

  test("a company whose provisioning is under way while a migration is loaded is not missed", async () => {
    const latest = (await company("busy")).version;
    const tenant = await database.admin.query<Migration>("select * from control.tenant_migrations order by version");
    const inserter = new pg.Client({ connectionString: loginUrl(database.url, "wellvault_control", undefined) });
    await inserter.connect();
    await inserter.query("begin");
    await inserter.query("insert into control.companies (tenant_id, display_name) values ('under-way', 'Under way')");
    const start = async () => {
      await migrate([...tenant.rows, extra(latest + 1, `create table late (a integer, ${stamp})`)]);
      await migrateFleet(database.url);
    };
    const started = start();
    const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await expect.poll(async () => (await database.admin.query(waiting)).rowCount, { interval: 10 }).toBe(1);
    await inserter.query("commit");
    await inserter.end();
    await started;
    expect((await company("under-way")).version).toBe(latest + 1);
  });
});

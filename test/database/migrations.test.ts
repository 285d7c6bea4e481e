import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readMigrations, sqlFolder } from "../../src/database/migrations.ts";
import { as } from "../support/clients.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { fingerprint } from "../support/fingerprint.ts";
import { migrateForTest } from "../support/migrate.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";
import { startTestService } from "../support/service.ts";

// A server of its own, because these tests make and drop roles, which belong to the whole server.
let own: OwnServer;
beforeAll(async () => {
  own = await startOwnServer();
});
afterAll(() => own.close());

const roles = "select rolname from pg_roles where rolname like 'wellvault%' order by rolname";

async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase(own.server.url);
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

test("a database whose public schema is in use is refused with a hint, and nothing is left behind", async () => {
  await withDatabase(async ({ url, admin }) => {
    await admin.query("create table public.mine (a integer); insert into public.mine values (1)");
    await expect(migrateForTest(url)).rejects.toMatchObject({
      message: expect.stringContaining('"public" of this database is in use'),
      hint: expect.stringContaining("database of its own"),
    });
    // This is the first test of the file, so no database of the server has the roles yet.
    expect((await admin.query(roles)).rows).toEqual([]);
    expect((await admin.query("select from pg_namespace where nspname = 'control'")).rowCount).toBe(0);
    expect((await admin.query("select a from public.mine")).rows).toEqual([{ a: 1 }]);

    await admin.query("drop table public.mine");
    expect((await migrateForTest(url)).applied.length).toBeGreaterThan(0);
    expect((await admin.query(roles)).rowCount).toBe(8);
  });
});

test("running again changes nothing", async () => {
  await withDatabase(async ({ url, admin }) => {
    const catalogue = async () => [
      ...(await fingerprint(admin, "control")),
      ...(await admin.query("select version, checksum, apply_time from control.control_migrations order by version"))
        .rows,
      ...(await admin.query("select version, checksum, load_time from control.tenant_migrations order by version"))
        .rows,
      ...(await admin.query("select rolname, rolpassword from pg_authid order by rolname")).rows,
    ];
    const first = await migrateForTest(url);
    const before = await catalogue();
    const second = await migrateForTest(url);
    expect(second).toEqual({ ...first, applied: [] });
    expect(await catalogue()).toEqual(before);
  });
});

test("two that start at once on one database take turns", async () => {
  await withDatabase(async ({ url }) => {
    const control = await readMigrations(`${sqlFolder}/control`);
    const reports = await Promise.all([1, 2, 3].map(() => migrateForTest(url)));
    const applied = reports.flatMap((report) => report.applied).sort();
    expect(applied).toEqual(control.map((migration) => migration.name));
  });
});

test("several databases of one server migrate at once, though the roles belong to all of them", async () => {
  const databases = await Promise.all([1, 2, 3, 4].map(() => createTestDatabase(own.server.url)));
  try {
    // The roles have to be made again by whoever is first.
    await own.database.admin.query("drop role if exists wellvault_app, wellvault_control");
    const reports = await Promise.all(databases.map(({ url }) => migrateForTest(url)));
    for (const report of reports) expect(report.applied).toEqual(reports[0]?.applied);
  } finally {
    await Promise.all(databases.map((database) => database.drop()));
  }
});

test("a released file that was changed is refused by name, and nothing of the new set is loaded", async () => {
  await withDatabase(async ({ url, admin }) => {
    const released = await readMigrations(`${sqlFolder}/tenant`);
    await migrateForTest(url, { tenantMigrations: released });
    const changed = released.map((migration, index) =>
      index === 1 ? { ...migration, body: `${migration.body}-- changed`, checksum: "other" } : migration,
    );
    const added = { version: released.length + 1, name: "0099_added", body: "select 1", checksum: "added" };
    await expect(migrateForTest(url, { tenantMigrations: [...changed, added] })).rejects.toThrow(
      `sql/tenant/${released[1]?.name}.sql was changed after it was applied to this database. ` +
        "Restore the file and put the change into a new one.",
    );
    expect((await admin.query("select from control.tenant_migrations")).rowCount).toBe(released.length);

    await admin.query("update control.control_migrations set checksum = 'other' where version = 2");
    await expect(migrateForTest(url)).rejects.toThrow("sql/control/0002_companies.sql was changed");
  });
});

describe("as a role that owns the database and may create roles, but is no superuser", () => {
  test("the whole way works: migrate, provision, write, read", async () => {
    // Another server, for here the roles must not have been made by a superuser before.
    const fresh = await startOwnServer();
    try {
      const { admin } = fresh.database;
      const password = randomBytes(12).toString("hex");
      await admin.query(`create role deployer login createrole password '${password}'`);
      const name = new URL(fresh.database.url).pathname.slice(1);
      await admin.query(`alter database ${name} owner to deployer`);
      const url = new URL(fresh.database.url);
      url.username = "deployer";
      url.password = password;

      const service = await startTestService({}, { ...fresh.database, url: url.href });
      try {
        const tenant = await service.provision();
        const employeeId = await service.hire(tenant);
        const { employees } = await service.clients.employees.listEmployees({}, as("company_admin", tenant));
        expect(employees.map((employee) => employee.employeeId)).toEqual([employeeId]);
      } finally {
        await service.close();
      }
      expect((await migrateForTest(url.href)).applied).toEqual([]);

      // It owns what it made as little as a superuser would: the two owners do.
      const { rows } = await admin.query(`
        select relowner::regrole::text as owner, relname as name from pg_class
          where relnamespace = 'control'::regnamespace and relkind = 'r' and relname <> 'control_migrations'
        union all
        select proowner::regrole::text, proname from pg_proc where pronamespace = 'control'::regnamespace
        union all
        select distinct nspowner::regrole::text, 'vault' from pg_namespace where nspname like 'v\\_%'
        order by name
      `);
      expect(rows).toEqual([
        { owner: "deployer", name: "add_data_login" },
        { owner: "wellvault_owner", name: "choose_data_login" },
        { owner: "wellvault_owner", name: "companies" },
        { owner: "wellvault_provisioner", name: "create_vault_role" },
        { owner: "wellvault_owner", name: "data_logins" },
        { owner: "wellvault_owner", name: "metric_kinds" },
        { owner: "wellvault_owner", name: "migrate_vault" },
        { owner: "wellvault_owner", name: "new_vault_name" },
        { owner: "wellvault_owner", name: "policy_expression" },
        { owner: "wellvault_owner", name: "provision_company" },
        { owner: "wellvault_owner", name: "purge_expired" },
        { owner: "wellvault_owner", name: "retention_start" },
        { owner: "wellvault_owner", name: "sample_day" },
        { owner: "wellvault_owner", name: "settle_days" },
        { owner: "wellvault_owner", name: "tenant_migrations" },
        { owner: "wellvault_owner", name: "vault" },
        { owner: "wellvault_owner", name: "wall_in" },
      ]);
      const open = await admin.query(
        "select proname from pg_proc where pronamespace = 'control'::regnamespace and has_function_privilege('wellvault_app', oid, 'execute')",
      );
      expect(open.rows).toEqual([]);
      const deployer = new pg.Client({ connectionString: url.href });
      await deployer.connect();
      const vault = (await deployer.query<{ vault: string }>("select vault from control.companies")).rows[0]?.vault;
      await expect(deployer.query(`select from ${vault}.employees`)).rejects.toMatchObject({ code: "42501" });
      await deployer.end();
    } finally {
      await fresh.close();
    }
  });

  test("on a server where another role made the roles it says what to do, and that works", async () => {
    await withDatabase(async ({ url }) => void (await migrateForTest(url)));
    const { admin } = own.database;
    const password = randomBytes(12).toString("hex");
    await admin.query(`create role second login createrole password '${password}'`);
    await withDatabase(async (database) => {
      const url = new URL(database.url);
      await admin.query(`alter database ${url.pathname.slice(1)} owner to second`);
      url.username = "second";
      url.password = password;
      const secret = "the same for both";
      // Twice: for the roles of the first version, and for those that came later.
      for (let step = 1; step <= 2; step++) {
        const refused = await migrateForTest(url.href, { loginSecret: secret }).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(refused).toMatchObject({ message: "the roles of Wellvault were made by another role of this server" });
        const [, advice] = /superuser run: (.*)$/.exec((refused as pg.DatabaseError).hint ?? "") ?? [];
        await admin.query(advice ?? "");
      }
      const service = await startTestService({ loginSecret: secret }, { ...database, url: url.href });
      try {
        await service.hire(await service.provision());
      } finally {
        await service.close();
      }
    });
  });
});

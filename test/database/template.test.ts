import { afterAll, beforeAll, expect, test } from "vitest";
import { createMigratedDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { fingerprint } from "../support/fingerprint.ts";
import { migrateForTest } from "../support/migrate.ts";

let migrated: TestDatabase;
let copied: TestDatabase;
beforeAll(async () => {
  [migrated, copied] = await Promise.all([createTestDatabase(), createMigratedDatabase()]);
  await migrateForTest(migrated.url);
});
afterAll(() => Promise.all([migrated.drop(), copied.drop()]));

/** What CREATE DATABASE does not copy. */
const outside = {
  privileges: `
    select a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable
    from pg_database as d
    cross join aclexplode(d.datacl) as a
    where d.datname = current_database()
    order by a.grantee::regrole::text, a.privilege_type`,
  settings: `
    select s.setrole::regrole, s.setconfig
    from pg_db_role_setting as s
    join pg_database as d on d.oid = s.setdatabase and d.datname = current_database()
    order by s.setrole::regrole::text`,
  owners: `
    select s.refobjid::regrole, s.deptype
    from pg_shdepend as s
    join pg_database as d on d.oid = s.objid and s.classid = 'pg_database'::regclass
    where d.datname = current_database()
    order by s.refobjid::regrole::text`,
};

const rowsOf = async ({ admin }: TestDatabase, sql: string) => (await admin.query<object>(sql)).rows;

test.each(Object.entries(outside))("the %s of a copied database are those of one that was migrated", async (_, sql) => {
  const expected = await rowsOf(migrated, sql);
  expect(expected.length).toBeGreaterThan(2);
  expect(await rowsOf(copied, sql)).toEqual(expected);
});

test("a copied database has nothing left to migrate and no key that signs tokens but the one it is given", async () => {
  expect((await rowsOf(copied, "select key_id from guard.keys")).length).toBe(0);
  expect(await migrateForTest(copied.url)).toMatchObject({
    applied: [],
    passwordsSet: [],
    passwordsChanged: [],
    hardened: true,
    tokenKeys: 1,
  });
});

test("a company of a copied database gets the vault that it gets in one that was migrated", async () => {
  const [expected, found] = await Promise.all(
    [migrated, copied].map(async ({ admin }) => {
      const { rows } = await admin.query<{ vault: string }>(
        "insert into control.companies (tenant_id, display_name) values ('acme', 'Acme') returning vault::text as vault",
      );
      return (await fingerprint(admin, rows[0]?.vault ?? "")).join("\n").replaceAll(/test_[0-9a-f]{12}/g, "$database");
    }),
  );
  expect(found).toContain("relation: samples");
  expect(found).toBe(expected);
});

import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hardenDatabase } from "../../src/database/harden.ts";
import { loginUrl } from "../../src/database/logins.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { migrateForTest } from "../support/migrate.ts";

let hardened: TestDatabase;
let untouched: TestDatabase;
beforeAll(async () => {
  [hardened, untouched] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await migrateForTest(hardened.url);
});
afterAll(() => Promise.all([hardened.drop(), untouched.drop()]));

/** By name and not by rule: the rule is what is tested. */
const dangerous = {
  "run text as SQL": [
    ...["query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "table_to_xml", "cursor_to_xml"],
    ...["schema_to_xml", "database_to_xml", "ts_stat", "ts_rewrite"],
  ],
  "change or tell settings": ["set_config", "current_setting", "pg_show_all_settings"],
  "lock, wait and signal": [
    ...["pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_xact_lock", "pg_sleep", "pg_sleep_for", "pg_notify"],
    ...["pg_cancel_backend", "pg_terminate_backend", "pg_export_snapshot", "pg_logical_emit_message"],
  ],
  "write outside of tables": ["lo_create", "lo_from_bytea", "lo_put", "lowrite", "nextval", "setval"],
  "tell of objects, roles and sessions": [
    ...["has_schema_privilege", "has_table_privilege", "pg_has_role", "to_regclass", "to_regrole", "to_regnamespace"],
    ...["pg_describe_object", "pg_identify_object", "obj_description", "pg_get_viewdef", "pg_get_functiondef"],
    ...["pg_relation_size", "pg_total_relation_size", "pg_stat_get_live_tuples", "pg_stat_get_activity"],
    ...["pg_current_wal_lsn", "txid_current", "pg_current_snapshot", "pg_get_userbyid", "pg_lock_status"],
  ],
} as const;

/** Which functions of the names PUBLIC may call. */
async function open(database: TestDatabase, names: readonly string[]): Promise<string[]> {
  const { rows } = await database.admin.query<{ name: string }>(
    `select distinct p.proname as name from pg_proc as p
     where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = any ($1) and p.provolatile <> 'i'
       and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee = 0)
     order by 1`,
    [names],
  );
  return rows.map((row) => row.name);
}

describe("PUBLIC may call no function that can", () => {
  test.each(Object.entries(dangerous))("%s", async (_, names) => {
    expect(await open(hardened, names)).toEqual([]);
    // The control: before, it may call every one of them.
    expect(await open(untouched, names)).toEqual([...names].toSorted());
  });
});

test("PUBLIC may read no table and no column of the catalogue", async () => {
  const count = async ({ admin }: TestDatabase) => {
    const { rows } = await admin.query<{ tables: number; columns: number }>(`
      select
        (select count(*)::integer from pg_class as c, aclexplode(c.relacl) as a
         where a.grantee = 0 and c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)) as tables,
        (select count(*)::integer from pg_attribute as t join pg_class as c on c.oid = t.attrelid, aclexplode(t.attacl) as a
         where a.grantee = 0 and c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)) as columns
    `);
    return rows[0];
  };
  expect(await count(hardened)).toEqual({ tables: 0, columns: 0 });
  const before = await count(untouched);
  expect(before?.tables).toBeGreaterThan(100);
  expect(before?.columns).toBeGreaterThan(0);
});

test("the service's own logins can still do their work, and the auditor can read the catalogue", async () => {
  const login = async (name: string, sql: string) => {
    const client = new pg.Client({ connectionString: loginUrl(hardened.url, name, undefined) });
    await client.connect();
    return await client
      .query(sql)
      .then(
        () => "allowed",
        (error: pg.DatabaseError) => error.code,
      )
      .finally(() => client.end());
  };
  expect(await login("wellvault_app", "select set_config('search_path', '', true), pg_advisory_unlock_all()")).toBe(
    "allowed",
  );
  expect(await login("wellvault_app", "select relname from pg_catalog.pg_class")).toBe("42501");
  expect(await login("wellvault_control", "select set_config('search_path', '', true)")).toBe("42501");
  expect(await login("wellvault_auditor", "select relname from pg_catalog.pg_class")).toBe("allowed");
  expect(await login("wellvault_auditor", "select rolpassword from pg_catalog.pg_authid")).toBe("42501");
});

test("a role that is no superuser finds out that an earlier version hardened, which gave the service less", async () => {
  const auditor = loginUrl(hardened.url, "wellvault_auditor", undefined);
  expect(await hardenDatabase(auditor)).toBe(true);
  await hardened.admin.query("revoke execute on function has_function_privilege(text, text) from wellvault_session");
  expect(await hardenDatabase(auditor)).toBe(false);
  expect(await hardenDatabase(hardened.url)).toBe(true);
  expect(await hardenDatabase(auditor)).toBe(true);
});

test("hardening again changes nothing, and a role that is no superuser finds out whether it is done", async () => {
  expect(await hardenDatabase(hardened.url)).toBe(true);
  const auditor = loginUrl(hardened.url, "wellvault_auditor", undefined);
  expect(await hardenDatabase(auditor)).toBe(true);
  await hardened.admin.query("grant execute on function pg_catalog.pg_sleep(double precision) to public");
  expect(await hardenDatabase(auditor)).toBe(false);
  expect(await hardenDatabase(hardened.url)).toBe(true);
  expect(await open(hardened, ["pg_sleep"])).toEqual([]);
});

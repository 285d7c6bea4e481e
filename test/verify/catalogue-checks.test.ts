import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { readMigrations, sqlFolder } from "../../src/database/migrations.ts";
import { migrateFleet } from "../../src/tenancy/fleet.ts";
import { openAuditorConnection } from "../../src/verify/auditor-connection.ts";
import { catalogueChecks } from "../../src/verify/catalogue-checks.ts";
import type { CheckResult } from "../../src/verify/check.ts";
import { type Expectation, readExpectation, readShape } from "../../src/verify/expectation.ts";
import { runCatalogueChecks } from "../../src/verify/run-catalogue-checks.ts";
import { migrateForTest, testTokenKey } from "../support/migrate.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";
import { lastPlant, plants } from "./plants.ts";

// A server of its own: roles belong to the whole server.
let own: OwnServer;
let expectation: Expectation;
let names: Readonly<Record<string, string>>;

beforeAll(async () => {
  own = await startOwnServer();
  const { admin, url } = own.database;
  const migrations = await readMigrations(`${sqlFolder}/tenant`);
  await migrateForTest(url, { tenantMigrations: migrations.slice(0, 2) });
  await admin.query("insert into control.companies (tenant_id, display_name) values ('migrated-up', 'Old')");
  await migrateForTest(url);
  await migrateFleet(url);
  await admin.query(
    "insert into control.companies (tenant_id, display_name) values ('tenant-a', 'A'), ('tenant-b', 'B')",
  );
  expectation = await readExpectation(decodeURIComponent(new URL(url).username), testTokenKey.id);
  const { rows } = await admin.query<{ company_id: string; vault: string; policy: string }>(
    "select company_id::text, vault::text, control.policy_expression(company_id) as policy from control.companies where tenant_id ~ '^tenant-' order by tenant_id",
  );
  const guard = await admin.query<{ text: string }>(
    "select pg_get_functiondef('guard.ok(uuid)'::regprocedure) as text",
  );
  names = {
    "{a}": rows[0]?.vault ?? "",
    "{b}": rows[1]?.vault ?? "",
    "{company a}": rows[0]?.company_id ?? "",
    "{company b}": rows[1]?.company_id ?? "",
    "{policy a}": rows[0]?.policy ?? "",
    "{policy b}": rows[1]?.policy ?? "",
    "{db}": new URL(url).pathname.slice(1),
    "{guard.ok}": guard.rows[0]?.text ?? "",
  };
});
afterAll(() => own.close());

/** Runs the checks with the ids, or all. */
async function check(ids?: readonly string[]): Promise<CheckResult[]> {
  const chosen = catalogueChecks.filter(({ id }) => ids?.includes(id) ?? true);
  const connection = await openAuditorConnection(loginUrl(own.database.url, "wellvault_auditor", undefined));
  try {
    return await runCatalogueChecks(connection, expectation, undefined, chosen);
  } finally {
    await connection.close();
  }
}

/** What was found: the checks, with their findings where something was. */
function failed(results: readonly CheckResult[]): string[] {
  // The test's server has databases besides.
  const always = ["other-databases"];
  return results.filter((result) => result.result !== "passed" && !always.includes(result.id)).map((r) => r.id);
}

const named = (sql: string) => Object.entries(names).reduce((text, [name, value]) => text.replaceAll(name, value), sql);

test("a clean database passes every check, with a vault that was migrated up", async () => {
  const results = await check();
  expect(results.map((result) => result.id)).toEqual(catalogueChecks.map(({ id }) => id));
  expect(results.filter((result) => failed([result]).length > 0)).toEqual([]);
  const examined = Object.fromEntries(results.map((result) => [result.id, result.examined]));
  expect(examined).toMatchObject({
    companies: 3,
    "row-security": 18,
    policies: 18,
    "company-stamp": 18,
    isolation: 21,
  });
});

test("the committed shape is that of a fresh database", async () => {
  const connection = await openAuditorConnection(loginUrl(own.database.url, "wellvault_auditor", undefined));
  const shape = await readShape(connection, expectation.migrator).finally(() => connection.close());
  const { policy, vault, functions, control, service } = expectation;
  expect(shape, "run: node tools/verify-shape.ts").toEqual({ policy, vault, functions, control, service });
});

describe("planted by a superuser, found, and gone after the repair", () => {
  test.each([...plants, lastPlant].map((plant) => [plant.name, plant] as const))(
    "%s",
    async (_, { plant, undo, found }) => {
      await own.database.admin.query(named(plant));
      try {
        const results = await check(found);
        expect(results.map(({ id }) => id).sort()).toEqual([...found].sort());
        for (const result of results) {
          expect(result).toMatchObject({ result: "failed" });
          expect(result.findings.length).toBe(result.findingCount);
        }
      } finally {
        await own.database.admin.query(named(undo));
      }
      if (plant !== lastPlant.plant) expect(failed(await check(found))).toEqual([]);
    },
  );

  test("a version of PostgreSQL that is not known is told, and its functions are not compared", async () => {
    const ids = ["builtin-functions", "builtin-functions-known"];
    const { builtinFunctions: known } = expectation;
    const results = async (builtinFunctions: Record<string, string>) => {
      expectation = { ...expectation, builtinFunctions };
      return failed(await check(ids).finally(() => Object.assign(expectation, { builtinFunctions: known })));
    };
    const sums = Object.entries(known);
    expect(await results(known)).toEqual([]);
    expect(await results({})).toEqual(["builtin-functions-known"]);
    // Another minor version with the same functions is as good.
    expect(await results(Object.fromEntries(sums.map(([key, sum]) => [`${key.slice(0, 2)}9999`, sum])))).toEqual([]);
  });

  test("every check but two was seen to find something", () => {
    const seen = new Set(plants.flatMap(({ found }) => found));
    // The first has a test of its own. PostgreSQL's own databases take every login, so the second always has
    // something to tell.
    expect(catalogueChecks.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([
      "builtin-functions-known",
      "other-databases",
    ]);
  });

  test("nothing of it is left, but the place of the dropped column", async () => {
    expect(failed(await check())).toEqual(["vault-structure"]);
  });
});

test("a company_id whose not-null is not validated is found, where PostgreSQL keeps one", async () => {
  const { admin } = own.database;
  const { rows } = await admin.query<{ version: number }>(
    "select current_setting('server_version_num')::integer as version",
  );
  if ((rows[0]?.version ?? 0) < 180000) return;
  const table = named("{a}.samples");
  await admin.query(`alter table ${table} alter company_id drop not null;
    alter table ${table} add constraint samples_company_id_not_null not null company_id not valid`);
  const results = await check(["company-stamp"]);
  await admin.query(`alter table ${table} validate constraint samples_company_id_not_null`);
  expect(results[0]?.findings.map(({ problem }) => problem)).toEqual([
    "that its column company_id is not null is not validated",
  ]);
  expect(failed(await check(["company-stamp"]))).toEqual([]);
});

test("a check that cannot be done is told", async () => {
  await own.database.admin.query("revoke select on control.tenant_migrations from wellvault_auditor");
  const results = await check();
  await own.database.admin.query("grant select on control.tenant_migrations to wellvault_auditor");
  expect(results.find(({ id }) => id === "migrations")).toMatchObject({ result: "not_run", findingCount: 1 });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { requireMigrated } from "../../src/database/require-migrated.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { as } from "../support/clients.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { migrateForTest, testTokenKey } from "../support/migrate.ts";
import { startTestService, type TestService } from "../support/service.ts";

let database: TestDatabase;
let secret: string;
const check = (key = testTokenKey) => requireMigrated(loginUrl(database.url, "wellvault_control", secret), key);

beforeAll(async () => {
  database = await createTestDatabase();
  // The logins belong to the whole server, so their passwords stay what every test derives them from.
  secret = decodeURIComponent(new URL(database.url).password);
});
afterAll(() => database.drop());

test("a database that was never migrated is refused with the way out", async () => {
  // The logins may exist already, for another database of the same server; they may not come in here.
  await expect(check()).rejects.toThrow();
});

test("a database that is up to date is ready, one that is behind is refused by what it lacks", async () => {
  await migrateForTest(database.url, { loginSecret: secret });
  const version = await database.admin.query<{ server_version: string }>("show server_version");
  const ready = { serverVersion: version.rows[0]?.server_version.split(" ")[0], companies: 0 };
  expect(await check()).toEqual(ready);

  await expect(check(deriveTokenKey("another"))).rejects.toThrow("does not know the key of WELLVAULT_TOKEN_SECRET");

  await database.admin.query("insert into control.companies (tenant_id, display_name) values ('late', 'Late')");
  expect(await check()).toEqual({ ...ready, companies: 1 });
  await database.admin.query("update control.companies set schema_version = schema_version - 1");
  await expect(check()).rejects.toThrow("1 of 1 vaults are behind the newest migration. Run `wellvault migrate`");
  await database.admin.query("update control.companies set schema_version = schema_version + 1");

  await database.admin.query("delete from control.control_migrations where version = 7");
  await expect(check()).rejects.toThrow("lacks sql/control/0007_token_wall.sql. Run `wellvault migrate`");
});

test("a process without the migrating role's password serves, and cannot migrate", async () => {
  const own = await createTestDatabase();
  let first: TestService | undefined;
  let second: TestService | undefined;
  try {
    first = await startTestService({ loginSecret: secret, tokenSecret: "tokens" }, own);
    const tenant = await first.provision();
    const employeeId = await first.hire(tenant);
    const url = new URL(own.url);
    url.username = "";
    url.password = "";
    const settings = { loginSecret: secret, tokenSecret: "tokens" };
    second = await startTestService({ ...settings, migrate: false }, { ...own, url: url.href });
    const { employees } = await second.clients.employees.listEmployees({}, as("company_admin", tenant));
    expect(employees.map((employee) => employee.employeeId)).toEqual([employeeId]);
    await expect(startTestService({ ...settings, migrate: true }, { ...own, url: url.href })).rejects.toThrow();
  } finally {
    await second?.close();
    await first?.close();
    await own.drop().catch(() => undefined);
  }
});

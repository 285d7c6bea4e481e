import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dataLogins, loginUrl } from "../../src/database/logins.ts";
import { as } from "../support/clients.ts";
import { createMigratedDatabase } from "../support/database.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenants: string[];
beforeAll(async () => {
  service = await startTestService({ dataLogins: 3, poolSize: 6 }, await createMigratedDatabase());
  tenants = [];
  // The canary of wellvault verify is the ninth.
  for (let n = 0; n < 8; n++) tenants.push(await service.provision());
});
afterAll(() => service.database.drop());

interface Company {
  readonly tenant_id: string;
  readonly vault: string;
  readonly login: string;
}

async function companies(): Promise<Company[]> {
  const { rows } = await service.database.admin.query<Company>(
    "select tenant_id, vault::text as vault, login::text as login from control.companies order by create_time",
  );
  return rows;
}

test("new vaults go to the login with the fewest, and belong to it alone", async () => {
  const found = await companies();
  for (const login of dataLogins(3)) expect(found.filter((company) => company.login === login)).toHaveLength(3);
  const { rows } = await service.database.admin.query<{ vault: string; login: string }>(
    `select m.roleid::regrole::text as vault, m.member::regrole::text as login
     from pg_auth_members as m where m.roleid::regrole::text = any ($1) and m.member::regrole::text like 'wellvault_app%'`,
    [found.map((company) => company.vault)],
  );
  const sorted = (list: readonly { vault: string; login: string }[]) =>
    list.map(({ vault, login }) => `${vault} ${login}`).toSorted();
  expect(sorted(rows)).toEqual(sorted(found));
});

test("every company is served, whichever login its vault belongs to", async () => {
  for (const tenant of tenants) {
    const employeeId = await service.hire(tenant);
    const { employees } = await service.clients.employees.listEmployees({}, as("company_admin", tenant));
    expect(employees.map((employee) => employee.employeeId)).toEqual([employeeId]);
  }
});

test("a login cannot become a vault of another login", async () => {
  const found = await companies();
  for (const login of dataLogins(3)) {
    const client = new pg.Client({ connectionString: loginUrl(service.database.url, login, undefined) });
    await client.connect();
    for (const company of found) {
      const becoming = client.query(`set role ${company.vault}`).then(
        () => "allowed",
        (error: pg.DatabaseError) => error.code,
      );
      expect(await becoming).toBe(company.login === login ? "allowed" : "42501");
      await client.query("reset role");
    }
    await client.end();
  }
});

test("more logins at the next start take the next vaults, and fewer lose none", async () => {
  const more = await startTestService({ dataLogins: 4 }, service.database);
  const added: string[] = [];
  for (let n = 0; n < 3; n++) added.push(await more.provision(`added-${n}`));
  expect((await companies()).filter(({ login }) => login === dataLogins(4)[3])).toHaveLength(3);
  await more.close();

  // Nor do they take more connections than the service may: each login has its share of them.
  await service.close();
  const open = "select from pg_stat_activity where datname = current_database() and application_name = 'wellvault'";
  const countOpen = async () => (await service.database.admin.query(open)).rowCount ?? 0;
  // A backend outlives its connection for a moment, and those of the former services do not count.
  await expect.poll(countOpen, { interval: 10, timeout: 5_000 }).toBe(0);
  const fewer = await startTestService({ dataLogins: 1, poolSize: 4 }, service.database);
  const calls = [...tenants, ...added].flatMap((tenant) => Array.from({ length: 5 }, () => tenant));
  let most = 0;
  const answers = Promise.all(
    calls.map((tenant) => fewer.clients.employees.listEmployees({}, as("company_admin", tenant))),
  );
  const counting = (async () => {
    for (let n = 0; n < 10; n++) most = Math.max(most, await countOpen());
  })();
  await Promise.all([answers, counting]);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(4);
  await fewer.close();
});

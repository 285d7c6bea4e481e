import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { letObserve } from "../support/observe.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

// Two connections for many tasks of two tenants: each connection goes from tenant to tenant all the time.
let plane: PinnedPlane;
let tenants: readonly [TenantEntry, TenantEntry];

beforeAll(async () => {
  plane = await openPinnedPlane(2);
  await letObserve(plane.database.admin);
  tenants = [await plane.provision("company-a"), await plane.provision("company-b")];
});
afterAll(() => plane.close());

const workers = 16;
const rounds = 40;

const insert = statement<[employeeNo: number, employeeId: string, stamp: string], { user: string; path: string }>(`
  insert into employees (employee_no, employee_id, external_id, team)
  values ($1::integer, $2, $1::integer::text, $3)
  returning current_user::text as user, current_setting('search_path') as path
`);
const stamps = statement<[], { team: string; count: number }>(
  "select team, count(*)::integer as count from employees group by team order by team",
);

test("sixteen tasks of two tenants, forty transactions each, never meet the other's rows", async () => {
  const task = async (worker: number): Promise<void> => {
    const tenant = tenants[worker % 2] ?? tenants[0];
    const session = plane.open(tenant);
    for (let round = 0; round < rounds; round++) {
      const employeeNo = worker * rounds + round + 1;
      // A way to write and a way to fail, by turns; what fails must leave nothing.
      const failing = round % 5 === 4;
      const done = session.transaction(async (transaction) => {
        const [row] = await transaction.query(insert, [employeeNo, randomUUID(), tenant.tenantId]);
        expect(row).toEqual({ user: tenant.vault, path: `"${tenant.vault}", pg_temp` });
        if (round % 3 === 0) await turn();
        if (failing) throw new Error("undone");
      });
      if (failing) await expect(done).rejects.toThrow("undone");
      else await done;
      if (round % 10 === 0) {
        for (const employee of await session.em.find(EmployeeEntity, {}, { limit: 20 })) {
          expect(employee.team).toBe(tenant.tenantId);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => task(worker)));

  for (const tenant of tenants) {
    const expected = [{ team: tenant.tenantId, count: (workers / 2) * rounds * (4 / 5) }];
    expect(await plane.open(tenant).query(stamps, [])).toEqual(expected);
    // The administrator, who is under no pin, sees the same.
    const { rows } = await plane.database.admin.query(
      `select team, count(*)::integer as count from ${tenant.vault}.employees group by team`,
    );
    expect(rows).toEqual(expected);
  }
});

test("a session of A within a transaction of B works on A", async () => {
  const [a, b] = tenants;
  await plane.open(b).transaction(async (outer) => {
    const before = await outer.query(stamps, []);
    const inner = await plane.open(a).query(stamps, []);
    expect(inner.map((row) => row.team)).toEqual(["company-a"]);
    expect(await outer.query(stamps, [])).toEqual(before);
    expect(before.map((row) => row.team)).toEqual(["company-b"]);
  });
});

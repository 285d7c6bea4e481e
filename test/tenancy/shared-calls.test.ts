import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { blockedStatements } from "../support/locks.ts";
import { beginOtherWriter } from "../support/other-writer.ts";
import { logEntry, monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const count = 40;

let service: TestService;
let tenant: string;
let vault: string;
let employees: readonly string[];
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
  const { rows } = await service.database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenant],
  );
  vault = rows[0]?.vault ?? "";
  employees = await Promise.all(Array.from({ length: count }, () => service.hire(tenant)));
  // The source has its number from here on.
  await puts.PutSamples(employees[0] ?? "", 0);
});
afterAll(() => service.close());

/** The two calls whose writes may share a transaction; `no` makes what they write a row of its own. */
const puts = {
  PutSamples: async (employeeId: string, no: number, timeoutMs = 10_000) => {
    const samples = [sample({ startTime: fromMicros(monday + BigInt(no)) })];
    const options = { ...as("ingest_service", tenant), timeoutMs };
    return await service.clients.metrics.putSamples({ employeeId, samples }, options);
  },
  PutLogEntry: async (employeeId: string, no: number, timeoutMs = 10_000) => {
    const entry = logEntry({ entryId: `entry-${no}` });
    const options = { ...as("employee", tenant, employeeId), timeoutMs };
    return await service.clients.logs.putLogEntry({ employeeId, entry }, options);
  },
};

/** Whose rows of a number are stored, and by which transaction each. */
const looks = {
  PutSamples: (vault: string) => `
    select employee.employee_id::text as employee, row.xmin::text as transaction
    from ${vault}.samples as row join ${vault}.employees as employee using (employee_no)
    where row.start_time = '2026-01-05T08:00:00Z'::timestamptz + $1 * interval '1 microsecond'`,
  PutLogEntry: (vault: string) => `
    select employee.employee_id::text as employee, row.xmin::text as transaction
    from ${vault}.log_entries as row join ${vault}.employees as employee using (employee_no)
    where row.entry_id = 'entry-' || $1::integer`,
};

type Method = keyof typeof puts;

async function stored(method: Method, no: number): Promise<{ employees: string[]; transactions: number }> {
  const { admin } = service.database;
  const { rows } = await admin.query<{ employee: string; transaction: string }>(looks[method](vault), [no]);
  return {
    employees: rows.map(({ employee }) => employee).sort(),
    transactions: new Set(rows.map(({ transaction }) => transaction)).size,
  };
}

describe.each(["PutSamples", "PutLogEntry"] satisfies Method[])(
  "%s of one tenant, many at the same time,",
  (method) => {
    test("share transactions, and those that come one after another have their own", async () => {
      await Promise.all(employees.map((employeeId) => puts[method](employeeId, 1)));
      const together = await stored(method, 1);
      expect(together.employees).toEqual(employees.toSorted());
      expect(together.transactions).toBeLessThan(count / 2);

      for (const employeeId of employees.slice(0, 3)) await puts[method](employeeId, 2);
      expect(await stored(method, 2)).toMatchObject({ transactions: 3 });
    });

    test("are answered each for itself: one for somebody who is not there fails alone", async () => {
      const nobody = crypto.randomUUID();
      const others = employees.slice(1);
      const failing = failureOf(puts[method](nobody, 3));
      await Promise.all(others.map((employeeId) => puts[method](employeeId, 3)));
      expect(await failing).toMatchObject({ code: "NotFound", resource: { name: nobody } });
      expect((await stored(method, 3)).employees).toEqual(others.toSorted());
    });

    test("fail alone when the database fails them: a row that somebody holds holds up nobody else", async () => {
      const [held = "", ...others] = employees;
      const other = await beginOtherWriter(service.database, tenant);
      await other.query("select from employees where employee_id = $1 for update", [held]);
      const failing = expect(puts[method](held, 4, 1_000)).rejects.toMatchObject({ code: Code.DeadlineExceeded });
      try {
        await Promise.all(others.map((employeeId) => puts[method](employeeId, 4)));
        await failing;
        // The caller's clock may be ahead of the service's.
        await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(0);
      } finally {
        await other.close();
      }
      expect((await stored(method, 4)).employees).toEqual(others.toSorted());
    });
  },
);

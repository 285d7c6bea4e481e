import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { nextStepDays } from "../../src/metrics/step-size.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { blockedStatements, holdTable } from "../support/locks.ts";
import { beginOtherWriter } from "../support/other-writer.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

const days = 60;

/** An employee with a sample on each of 60 days. */
async function hireWithDays(): Promise<string> {
  const employeeId = await service.hire(tenant);
  const samples = Array.from({ length: days }, (_, day) =>
    sample({ startTime: fromMicros(monday + BigInt(day) * 86_400_000_000n) }),
  );
  await service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));
  return employeeId;
}

async function count(employeeId: string, signal?: AbortSignal): Promise<number> {
  const { buckets } = await service.clients.metrics.aggregateSamples(
    { employeeId, kinds: ["heart_rate"], period: CalendarPeriod.MONTH, startDate: "2026-01-01", endDate: "2026-12-31" },
    { ...as("employee", tenant, employeeId), ...(signal ? { signal } : {}) },
  );
  return buckets.reduce((sum, bucket) => sum + Number(bucket.count), 0);
}

/** Holds the days of an employee from one on. */
async function holdDays(employeeId: string, from: string, to: string) {
  const other = await beginOtherWriter(service.database, tenant);
  await other.query(
    `select from sample_days where civil_day between $2 and $3
       and employee_no = (select employee_no from employees where employee_id = $1)
     order by civil_day for update`,
    [employeeId, from, to],
  );
  return other;
}

async function staleDays(employeeId: string): Promise<number> {
  const { admin } = service.database;
  const { rows } = await admin.query("select vault::text from control.companies where tenant_id = $1", [tenant]);
  const found = await admin.query(
    `select count(*)::integer as count from ${rows[0].vault}.sample_days as d
     join ${rows[0].vault}.employees as e using (employee_no) where e.employee_id = $1 and d.state = 1`,
    [employeeId],
  );
  return found.rows[0].count;
}

test("a question that is given up keeps what it has computed, and the next one goes on", async () => {
  const employeeId = await hireWithDays();
  const other = await holdDays(employeeId, "2026-03-05", "2026-03-05");
  const giveUp = new AbortController();
  const answer = expect(count(employeeId, giveUp.signal)).rejects.toMatchObject({ code: Code.Canceled });
  await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);
  giveUp.abort();
  await answer;
  const left = await staleDays(employeeId);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(days);
  await other.rollback();
  await other.close();
  expect(await count(employeeId)).toBe(days);
  expect(await staleDays(employeeId)).toBe(0);
});

test("a question whose first days somebody else computes meanwhile computes the others", async () => {
  const employeeId = await hireWithDays();
  const other = await holdDays(employeeId, "2026-01-01", "2026-01-31");
  const answer = count(employeeId);
  await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);
  await other.query(
    "update sample_days set state = 0, count = 1, sum = 60, last_time = civil_day where civil_day < '2026-02-01'",
  );
  await other.commit();
  await other.close();
  expect(await answer).toBe(days);
});

test("a question whose connection is lost while it computes is told to come again, not that a write may have been done", async () => {
  const employeeId = await hireWithDays();
  const held = await holdTable(service.database, tenant, "samples");
  const answer = failureOf(count(employeeId));
  await held.waiting();
  await service.database.admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  expect(await answer).toMatchObject({ code: "Unavailable", reason: "DATABASE_UNAVAILABLE" });
  await held.release();
  expect(await count(employeeId)).toBe(days);
});

test("steps grow while they are short, shrink when they are long, and have a day at least", () => {
  const first = nextStepDays();
  expect(first).toBeGreaterThanOrEqual(1);
  expect(nextStepDays({ days: first, tookMs: 1 })).toBeGreaterThan(first);
  expect(nextStepDays({ days: 64, tookMs: 5_000 })).toBeLessThan(64);
  expect(nextStepDays({ days: 1, tookMs: 60_000 })).toBe(1);
  const most = Array.from({ length: 30 }).reduce<number>((size) => nextStepDays({ days: size, tookMs: 1 }), first);
  expect(nextStepDays({ days: most, tookMs: 1 })).toBe(most);
});

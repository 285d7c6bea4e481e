import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { as } from "../support/clients.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { blockedStatements } from "../support/locks.ts";
import { beginOtherWriter } from "../support/other-writer.ts";
import { monday, sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

const at = (minute: number, over: Parameters<typeof sample>[0] = {}) =>
  sample({ startTime: fromMicros(monday + BigInt(minute) * 60_000_000n), ...over });

const put = (employeeId: string, samples: MetricSample[]) =>
  service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));

async function count(employeeId: string): Promise<number> {
  const { buckets } = await service.clients.metrics.aggregateSamples(
    { employeeId, kinds: ["heart_rate"], period: CalendarPeriod.MONTH, startDate: "2026-01-01", endDate: "2026-01-31" },
    as("employee", tenant, employeeId),
  );
  return Number(buckets[0]?.count ?? 0n);
}

/** What the service's statement does to a day: a sample, and the mark. */
const writeOne = `
  with written as (
    insert into samples (
      employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
    )
    select employee_no, 11, $2::timestamptz, 1, 1, 60, 0, 0, 0 from employees where employee_id = $1
    returning employee_no
  )
  insert into sample_days as day (employee_no, kind, civil_day, source_no)
  select employee_no, 11, $2::date, 1 from written
  on conflict (employee_no, kind, civil_day, source_no) do update set state = 1 where day.state = 0`;

test("a question waits for a writer whose day it computes, and has what that one wrote", async () => {
  const employeeId = await service.hire(tenant);
  await put(employeeId, [at(1)]);
  const other = await beginOtherWriter(service.database, tenant);
  // The mark is there already, so the writer only locks it.
  await other.query(writeOne, [employeeId, "2026-01-05T09:00:00Z"]);
  const answer = count(employeeId);
  await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);
  await other.commit();
  expect(await answer).toBe(2);
  await other.close();
});

test("the control: a mark that is not locked is taken away, and what its writer wrote is never seen", async () => {
  const employeeId = await service.hire(tenant);
  await put(employeeId, [at(1)]);
  const other = await beginOtherWriter(service.database, tenant);
  await other.query(writeOne.replace(/do update set .*$/, "do nothing"), [employeeId, "2026-01-05T09:00:00Z"]);
  expect(await count(employeeId)).toBe(1);
  await other.commit();
  expect(await count(employeeId)).toBe(1);
  await other.close();
});

test("a writer whose day is being computed waits for it, and marks it again", async () => {
  const employeeId = await service.hire(tenant);
  await put(employeeId, [at(1)]);
  const other = await beginOtherWriter(service.database, tenant);
  await other.query(
    "select from sample_days where employee_no = (select employee_no from employees where employee_id = $1) for update",
    [employeeId],
  );
  await other.query("update sample_days set state = 0, count = 1");
  const written = put(employeeId, [at(2)]);
  await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);
  await other.commit();
  await written;
  expect(await count(employeeId)).toBe(2);
  await other.close();
});

test("questions beside writes, corrections and deletions never count too much, and all in the end", async () => {
  const employeeId = await service.hire(tenant);
  const before = await countDeadlocks(service.database.admin);
  const { metrics } = service.clients;
  let sent = 0;
  let acknowledged = 0;
  let isOver = false;
  const ask = async () => {
    while (!isOver) {
      const least = acknowledged;
      const found = await count(employeeId);
      // Everything that was acknowledged before the question, and nothing that was not sent by its end.
      expect(found).toBeGreaterThanOrEqual(least);
      expect(found).toBeLessThanOrEqual(sent);
    }
  };
  const write = async (writer: number) => {
    for (let round = 0; round < 15; round++) {
      // Over three days, some with another offset first, and one that is deleted again.
      const own = Array.from({ length: 8 }, (_, n) =>
        at(writer * 1_000 + round * 8 + n, { utcOffsetMinutes: n * 100 }),
      );
      sent += 9;
      await put(employeeId, own);
      acknowledged += 8;
      await put(
        employeeId,
        own.map((one) => ({ ...one, version: 2n, utcOffsetMinutes: -60 })),
      );
      const gone = at(3_600 + writer * 100 + round);
      await put(employeeId, [gone]);
      const value = { keys: [sampleKey(gone)] };
      await metrics.deleteSamples({ employeeId, selection: { case: "keys", value } }, as("ingest_service", tenant));
    }
  };
  const asking = [ask(), ask()];
  await Promise.all([write(0), write(1), write(2), write(3)]);
  isOver = true;
  await Promise.all(asking);
  expect(await count(employeeId)).toBe(4 * 15 * 8);
  expect(await countDeadlocks(service.database.admin)).toBe(before);
});

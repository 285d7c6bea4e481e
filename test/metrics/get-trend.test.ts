import { afterAll, beforeAll, expect, test } from "vitest";
import { civilDayIn, writeCivilDay } from "../../src/civil-days.ts";
import { fromMicros } from "../../src/civil-time.ts";
import type { GetTrendRequest } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

const day = 86_400_000_000n;

/** The instant at noon, UTC, of the day this many days before 2 March 2026. */
const noon = (daysBefore: number) =>
  fromMicros(BigInt(Date.parse("2026-03-02T12:00:00Z")) * 1_000n - BigInt(daysBefore) * day);

async function put(employeeId: string, kind: string, values: Record<number, number[]>): Promise<void> {
  const isInterval = kind === "steps";
  const samples = Object.entries(values).flatMap(([daysBefore, list]) =>
    list.map((value, index) => {
      const start = noon(Number(daysBefore));
      const startTime = { ...start, seconds: start.seconds + BigInt(index) * 60n };
      const end = isInterval ? { endTime: { ...startTime, seconds: startTime.seconds + 60n } } : {};
      return sample({ kind, value, startTime, ...end });
    }),
  );
  await service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));
}

const trend = (employeeId: string, kind: string, over: Partial<Pick<GetTrendRequest, "endDate" | "source">> = {}) =>
  service.clients.metrics.getTrend(
    { employeeId, kind, endDate: "2026-03-02", ...over },
    as("employee", tenant, employeeId),
  );

test("compares 7 days with the 28 before them, each day with the same weight", async () => {
  const employeeId = await service.hire(tenant);
  // The day 7 before is the last of the recent ones, 8 the first of the baseline, 35 its last; 0 and 36 are outside.
  await put(employeeId, "steps", { 0: [1e6], 1: [4_000, 2_000], 7: [2_000], 8: [1_000], 35: [3_000], 36: [1e6] });
  expect(await trend(employeeId, "steps")).toMatchObject({
    recent: { startDate: "2026-02-23", endDate: "2026-03-02", dayCount: 2, mean: 4_000 },
    baseline: { startDate: "2026-01-26", endDate: "2026-02-23", dayCount: 2, mean: 2_000 },
    change: 2_000,
    changePercent: 100,
  });
  await put(employeeId, "heart_rate", { 1: [60, 60, 60, 80], 2: [75], 9: [50] });
  expect(await trend(employeeId, "heart_rate")).toMatchObject({ recent: { mean: 70 }, baseline: { mean: 50 } });
  await put(employeeId, "weight", { 3: [90, 80], 10: [81], 11: [83] });
  expect(await trend(employeeId, "weight")).toMatchObject({
    recent: { mean: 80 },
    baseline: { mean: 82 },
    change: -2,
  });
});

test("says what there is when one of the spans has no samples, or is 0 on average", async () => {
  const employeeId = await service.hire(tenant);
  const nothing = await trend(employeeId, "steps");
  expect(nothing).toMatchObject({ recent: { dayCount: 0 }, baseline: { dayCount: 0 } });
  for (const absent of [nothing.recent?.mean, nothing.change, nothing.changePercent]) expect(absent).toBeUndefined();
  await put(employeeId, "steps", { 1: [10] });
  expect((await trend(employeeId, "steps")).change).toBeUndefined();
  expect((await trend(employeeId, "steps", { source: "ring" })).recent?.dayCount).toBe(0);
  await put(employeeId, "steps", { 9: [0] });
  const zero = await trend(employeeId, "steps");
  expect(zero).toMatchObject({ change: 10, baseline: { mean: 0, dayCount: 1 } });
  expect(zero.changePercent).toBeUndefined();
  // So close to 0 that a percentage of it is no number.
  await put(employeeId, "weight", { 1: [80], 9: [Number.MIN_VALUE] });
  const tiny = await trend(employeeId, "weight");
  expect(tiny).toMatchObject({ change: 80, baseline: { mean: Number.MIN_VALUE } });
  expect(tiny.changePercent).toBeUndefined();
  await put(employeeId, "mood_valence", { 1: [1], 9: [-2] });
  expect(await trend(employeeId, "mood_valence")).toMatchObject({ change: 3, changePercent: 150 });
});

test("ends yesterday where the employee lives, unless told otherwise", async () => {
  for (const timeZone of ["Pacific/Kiritimati", "Pacific/Pago_Pago", ""]) {
    const { employee } = await service.clients.employees.createEmployee(
      { employee: { externalId: `zone-${timeZone}`, timeZone } },
      as("company_admin", tenant),
    );
    // The day may change between the two.
    const today = () => writeCivilDay(civilDayIn(timeZone || "UTC", new Date()));
    const before = today();
    const { recent } = await trend(employee?.employeeId ?? "", "steps", { endDate: "" });
    expect([before, today()]).toContain(recent?.endDate);
  }
});

test("is refused for a kind or a date that there is not, and for nobody's employee", async () => {
  const employeeId = await service.hire(tenant);
  expect(await failureOf(trend(employeeId, "unknown"))).toMatchObject({ code: "InvalidArgument", fields: ["kind"] });
  const noDate = await failureOf(trend(employeeId, "steps", { endDate: "2026-02-29" }));
  expect(noDate).toMatchObject({ code: "InvalidArgument", fields: ["end_date"] });
  for (const endDate of ["", "2026-03-02"]) {
    expect(await failureOf(trend(crypto.randomUUID(), "steps", { endDate }))).toMatchObject({ code: "NotFound" });
  }
  expect(await trend(employeeId, "steps", { endDate: "1970-01-01" })).toMatchObject({ recent: { dayCount: 0 } });
});

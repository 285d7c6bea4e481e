import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromMicros, minuteMicros, toMicros } from "../../src/civil-time.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import type { AggregateSamplesRequest } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import {
  type AggregateBucket,
  CalendarPeriod,
  SampleStatistic,
} from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const { DAY, WEEK, MONTH } = CalendarPeriod;

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

const micros = (text: string) => BigInt(Date.parse(text)) * 1_000n;
const at = (text: string) => fromMicros(micros(text));

const put = (employeeId: string, ...samples: MetricSample[]) =>
  service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));

type Question = Partial<Pick<AggregateSamplesRequest, "period" | "source" | "statistics" | "startDate" | "endDate">>;

async function ask(employeeId: string, kinds: string[], question: Question = {}): Promise<AggregateBucket[]> {
  const { buckets } = await service.clients.metrics.aggregateSamples(
    { employeeId, kinds, period: DAY, startDate: "2026-01-01", endDate: "2026-12-31", ...question },
    as("employee", tenant, employeeId),
  );
  return buckets;
}

/** The sums, counts or means by day, which most tests look at. */
async function sums(employeeId: string, kind = "steps", question: Question = {}) {
  return Object.fromEntries((await ask(employeeId, [kind], question)).map(({ startDate, sum }) => [startDate, sum]));
}

/** Steps from one instant to another. */
const walk = (start: string, end: string, value: number, over: Parameters<typeof sample>[0] = {}) =>
  sample({ kind: "steps", startTime: at(start), endTime: at(end), value, ...over });

describe("the day that a sample counts for", () => {
  test("is that of its own offset, not of UTC", async () => {
    const employeeId = await service.hire(tenant);
    await put(
      employeeId,
      walk("2026-01-05T23:30:00Z", "2026-01-05T23:40:00Z", 1, { utcOffsetMinutes: 60 }),
      walk("2026-01-05T23:30:00Z", "2026-01-05T23:40:00Z", 10, { utcOffsetMinutes: 0, source: "ring" }),
      walk("2026-01-05T00:30:00Z", "2026-01-05T00:40:00Z", 100, { utcOffsetMinutes: -60 }),
      walk("2026-01-05T09:59:00Z", "2026-01-05T10:01:00Z", 1_000, { utcOffsetMinutes: 840 }),
    );
    expect(await sums(employeeId)).toEqual({ "2026-01-04": 100, "2026-01-05": 1_000, "2026-01-06": 1 });
  });

  test("is the day of waking for sleep, and its own day for a night's total", async () => {
    const employeeId = await service.hire(tenant);
    const sleep = { kind: "sleep_duration", utcOffsetMinutes: 120 };
    await put(
      employeeId,
      walk("2026-03-01T20:30:00Z", "2026-03-02T04:30:00Z", 450, sleep),
      sample({ ...sleep, startTime: at("2026-03-04T22:00:00Z"), value: 400, daily: true }),
    );
    expect(await sums(employeeId, "sleep_duration")).toEqual({ "2026-03-02": 450, "2026-03-05": 400 });
  });

  test("has every sample once where clocks change", async () => {
    const employeeId = await service.hire(tenant);
    // Central Europe on 25 October 2026: 25 hours, the hour from 2 to 3 twice.
    const before = { utcOffsetMinutes: 120 };
    const after = { utcOffsetMinutes: 60 };
    const hours = Array.from({ length: 27 }, (_, hour) => {
      const start = micros("2026-10-24T21:00:00Z") + BigInt(hour) * 60n * minuteMicros;
      const offset = start < micros("2026-10-25T01:00:00Z") ? before : after;
      const times = { startTime: fromMicros(start), endTime: fromMicros(start + minuteMicros) };
      return sample({ kind: "steps", value: 1, ...offset, ...times });
    });
    await put(employeeId, ...hours);
    expect(await sums(employeeId)).toEqual({ "2026-10-24": 1, "2026-10-25": 25, "2026-10-26": 1 });
    // And on 29 March, 23 hours.
    const spring = Array.from({ length: 25 }, (_, hour) => {
      const start = micros("2026-03-28T22:00:00Z") + BigInt(hour) * 60n * minuteMicros;
      const offset = start < micros("2026-03-29T01:00:00Z") ? after : before;
      const times = { startTime: fromMicros(start), endTime: fromMicros(start + minuteMicros) };
      return sample({ kind: "floors", value: 1, ...offset, ...times });
    });
    await put(employeeId, ...spring);
    expect(await sums(employeeId, "floors")).toEqual({ "2026-03-28": 1, "2026-03-29": 23, "2026-03-30": 1 });
  });

  test("moves with a correction of the offset or of the end, and leaves nothing behind", async () => {
    const employeeId = await service.hire(tenant);
    const moving = (version: bigint, utcOffsetMinutes: number) =>
      walk("2026-01-05T12:00:00Z", "2026-01-05T12:10:00Z", 5, { version, utcOffsetMinutes });
    await put(employeeId, moving(1n, 840));
    expect(await sums(employeeId)).toEqual({ "2026-01-06": 5 });
    await put(employeeId, moving(2n, -840));
    expect(await sums(employeeId)).toEqual({ "2026-01-04": 5 });
    const night = (version: bigint, end: string) =>
      walk("2026-01-05T22:00:00Z", end, 5, { kind: "sleep_duration", version });
    await put(employeeId, night(1n, "2026-01-07T21:00:00Z"));
    expect(await sums(employeeId, "sleep_duration")).toEqual({ "2026-01-07": 5 });
    await put(employeeId, night(2n, "2026-01-05T23:00:00Z"));
    expect(await sums(employeeId, "sleep_duration")).toEqual({ "2026-01-05": 5 });
  });
});

describe("nothing is counted twice", () => {
  test("a source's total of a day stands in the place of what lies within the day", async () => {
    const employeeId = await service.hire(tenant);
    const total = { kind: "steps", startTime: at("2026-02-02T00:00:00Z"), daily: true };
    await put(employeeId, walk("2026-02-02T08:00:00Z", "2026-02-02T09:00:00Z", 700), sample({ ...total, value: 650 }));
    await put(employeeId, walk("2026-02-03T08:00:00Z", "2026-02-03T09:00:00Z", 300));
    expect(await sums(employeeId)).toEqual({ "2026-02-02": 650, "2026-02-03": 300 });
    // Without the total, what lies within the day counts again.
    const keys = [{ kind: "steps", startTime: total.startTime, source: "watch", daily: true }];
    await service.clients.metrics.deleteSamples(
      { employeeId, selection: { case: "keys", value: { keys } } },
      as("employee", tenant, employeeId),
    );
    expect(await sums(employeeId)).toEqual({ "2026-02-02": 700, "2026-02-03": 300 });
  });

  test("of a source's totals of one day, which a change of the offset leaves behind, the largest counts", async () => {
    const employeeId = await service.hire(tenant);
    // Berlin, and after a flight New York: the same civil day begins at another instant, which is another key.
    const total = (start: string, utcOffsetMinutes: number, value: number, kind = "steps") =>
      sample({ kind, startTime: at(start), utcOffsetMinutes, daily: true, value });
    const berlin = total("2026-02-01T23:00:00Z", 60, 3_000);
    await put(employeeId, berlin, walk("2026-02-02T08:00:00Z", "2026-02-02T09:00:00Z", 3_000));
    expect(await sums(employeeId)).toEqual({ "2026-02-02": 3_000 });
    await put(employeeId, total("2026-02-02T05:00:00Z", -300, 8_000));
    expect(await ask(employeeId, ["steps"])).toMatchObject([{ startDate: "2026-02-02", sum: 8_000, count: 1n }]);
    expect(await sums(employeeId, "steps", { period: WEEK })).toEqual({ "2026-02-02": 8_000 });
    // Another source counts in its place only with more than that.
    await put(employeeId, walk("2026-02-02T08:00:00Z", "2026-02-02T09:00:00Z", 9_000, { source: "phone" }));
    await put(employeeId, walk("2026-02-02T08:00:00Z", "2026-02-02T09:00:00Z", 10_000, { source: "ring" }));
    expect(await ask(employeeId, ["steps"])).toMatchObject([{ sum: 10_000, count: 1n }]);
    // What is averaged is not counted twice by that.
    await put(
      employeeId,
      total("2026-02-01T23:00:00Z", 60, 50, "resting_heart_rate"),
      total("2026-02-02T05:00:00Z", -300, 60, "resting_heart_rate"),
    );
    expect(await ask(employeeId, ["resting_heart_rate"])).toMatchObject([{ mean: 55, count: 2n }]);
  });

  test("of two devices the one with more of the day counts for steps, day by day, and all for heart rates", async () => {
    const employeeId = await service.hire(tenant);
    const day = (date: string, source: string, value: number) =>
      walk(`${date}T08:00:00Z`, `${date}T09:00:00Z`, value, { source });
    await put(
      employeeId,
      day("2026-02-02", "watch", 8_000),
      day("2026-02-02", "phone", 7_500),
      day("2026-02-03", "phone", 3_000),
      day("2026-02-04", "watch", 100),
      day("2026-02-04", "phone", 100),
    );
    expect(await sums(employeeId)).toEqual({ "2026-02-02": 8_000, "2026-02-03": 3_000, "2026-02-04": 100 });
    expect(await sums(employeeId, "steps", { period: WEEK })).toEqual({ "2026-02-02": 11_100 });
    expect(await sums(employeeId, "steps", { source: "phone" })).toEqual({
      "2026-02-02": 7_500,
      "2026-02-03": 3_000,
      "2026-02-04": 100,
    });
    const beat = (source: string, minute: number, value: number) =>
      sample({ source, value, startTime: at(`2026-02-02T08:0${minute}:00Z`) });
    await put(employeeId, beat("watch", 1, 60), beat("watch", 2, 60), beat("ring", 3, 90));
    const [bucket] = await ask(employeeId, ["heart_rate"]);
    expect(bucket).toMatchObject({ count: 3n, mean: 70, minimum: 60, maximum: 90, last: 90, dayCount: 1 });
    expect(bucket?.lastTime && toMicros(bucket.lastTime)).toBe(micros("2026-02-02T08:03:00Z"));
  });
});

describe("values at the edges of what numbers can say", () => {
  test("a mean is neither above the largest sample nor below the smallest", async () => {
    const employeeId = await service.hire(tenant);
    const beats = Array.from({ length: 3 }, (_, minute) =>
      sample({ value: 61.7, startTime: at(`2026-02-02T08:0${minute}:00Z`) }),
    );
    // The control: added up and divided they are more.
    expect((61.7 + 61.7 + 61.7) / 3).toBeGreaterThan(61.7);
    await put(employeeId, ...beats);
    expect(await ask(employeeId, ["heart_rate"])).toMatchObject([{ mean: 61.7, minimum: 61.7, maximum: 61.7 }]);
  });

  test("of two sources whose last samples start together, the answer names the same one every time", async () => {
    const employeeId = await service.hire(tenant);
    const startTime = at("2026-02-02T08:00:00Z");
    const scale = (source: string, value: number) => sample({ kind: "weight", source, value, startTime });
    await put(employeeId, scale("scale_b", 71));
    await put(employeeId, scale("scale_a", 70), scale("scale_c", 72));
    expect(await ask(employeeId, ["weight"])).toMatchObject([{ last: 70, count: 3n }]);
    const month = { period: MONTH, startDate: "2026-02-01", endDate: "2026-03-01" };
    expect(await ask(employeeId, ["weight"], month)).toMatchObject([{ last: 70, count: 3n }]);
  });

  test("the largest sums and the smallest values come out as they went in", async () => {
    const employeeId = await service.hire(tenant);
    const minutes = Array.from({ length: 1_000 }, (_, minute) => ({
      startTime: fromMicros(micros("2026-02-02T00:00:00Z") + BigInt(minute) * minuteMicros),
      endTime: fromMicros(micros("2026-02-02T00:00:00Z") + BigInt(minute + 1) * minuteMicros),
    }));
    await put(employeeId, ...minutes.map((times) => sample({ kind: "distance", value: 1e6, ...times })));
    await put(
      employeeId,
      walk("2026-02-02T08:00:00Z", "2026-02-02T09:00:00Z", Number.MIN_VALUE, { kind: "hydration" }),
    );
    expect(await ask(employeeId, ["distance", "hydration"])).toMatchObject([
      { sum: 1e9, count: 1_000n },
      { sum: Number.MIN_VALUE, count: 1n },
    ]);
  });
});

describe("buckets", () => {
  test("are whole weeks and months, leave out what has no samples, and keep a measured 0", async () => {
    const employeeId = await service.hire(tenant);
    const day = (date: string, value: number) => walk(`${date}T08:00:00Z`, `${date}T09:00:00Z`, value);
    await put(employeeId, day("2026-01-31", 1), day("2026-02-01", 2), day("2026-02-02", 4), day("2026-04-01", 0));
    const dates = async (period: CalendarPeriod, startDate: string, endDate: string) =>
      (await ask(employeeId, ["steps"], { period, startDate, endDate })).map((one) => [
        one.startDate,
        one.endDate,
        one.sum,
      ]);
    expect(await dates(WEEK, "2026-01-29", "2026-02-03")).toEqual([
      ["2026-01-26", "2026-02-02", 3],
      ["2026-02-02", "2026-02-09", 4],
    ]);
    expect(await dates(MONTH, "2026-01-31", "2026-04-02")).toEqual([
      ["2026-01-01", "2026-02-01", 1],
      ["2026-02-01", "2026-03-01", 6],
      ["2026-04-01", "2026-05-01", 0],
    ]);
    // The end is not part of the range.
    expect(await dates(DAY, "2026-01-31", "2026-02-02")).toEqual([
      ["2026-01-31", "2026-02-01", 1],
      ["2026-02-01", "2026-02-02", 2],
    ]);
  });

  test("come in the order of the kinds asked for, with what each has and was asked for", async () => {
    const employeeId = await service.hire(tenant);
    const startTime = at("2026-01-05T08:00:00Z");
    await put(
      employeeId,
      sample({ startTime, value: 62 }),
      sample({ kind: "weight", startTime, value: 70 }),
      walk("2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z", 50),
    );
    const found = await ask(employeeId, ["weight", "steps", "heart_rate"]);
    const present = ({ $typeName, startDate, endDate, dayCount, lastTime, ...rest }: AggregateBucket) => rest;
    const values = { count: 1n, mean: 70, minimum: 70, maximum: 70, last: 70 };
    expect(found.map(present)).toEqual([
      { kind: "weight", ...values },
      { kind: "steps", count: 1n, sum: 50 },
      { kind: "heart_rate", ...values, mean: 62, minimum: 62, maximum: 62, last: 62 },
    ]);
    const [only] = await ask(employeeId, ["weight"], { statistics: [SampleStatistic.MEAN] });
    expect(only && present(only)).toEqual({ kind: "weight", mean: 70 });
  });

  test.each([
    ["the mean of a kind that is added", ["steps"], { statistics: [SampleStatistic.MEAN] }, ["statistics[0]"]],
    ["the sum of a kind that is averaged", ["heart_rate"], { statistics: [SampleStatistic.SUM] }, ["statistics[0]"]],
    ["an unknown kind", ["steps", "unknown"], {}, ["kinds[1]"]],
    ["no kind", [], {}, ["kinds"]],
    ["no period", ["steps"], { period: CalendarPeriod.UNSPECIFIED }, ["period"]],
    ["a day that there is not", ["steps"], { startDate: "2026-02-30" }, ["start_date"]],
    ["a day before 1970", ["steps"], { startDate: "1969-12-31" }, ["start_date"]],
    ["an end that is no date", ["steps"], { endDate: "tomorrow" }, ["end_date"]],
    ["an empty range", ["steps"], { startDate: "2026-02-02", endDate: "2026-02-02" }, ["end_date"]],
    ["too many buckets", ["steps"], { startDate: "2020-01-01", endDate: "2026-01-01" }, ["end_date"]],
  ])("of %s are refused", async (_, kinds, question, fields) => {
    const employeeId = await service.hire(tenant);
    expect(await failureOf(ask(employeeId, kinds, question))).toMatchObject({ code: "InvalidArgument", fields });
  });

  test("of an employee that the tenant does not have are refused, also when another tenant has one of that id", async () => {
    const other = await service.provision();
    const theirs = await service.hire(other);
    expect(await failureOf(ask(theirs, ["steps"]))).toMatchObject({ code: "NotFound" });
    expect(await ask(await service.hire(tenant), ["steps"])).toEqual([]);
  });
});

/** What days come to by the rules, straight from samples. */
function expected(samples: readonly MetricSample[], kind: string): Record<string, Record<string, number>> {
  const days = Map.groupBy(
    samples.filter((one) => one.kind === kind),
    ({ civilDate }) => civilDate,
  );
  return Object.fromEntries(
    [...days].map(([date, all]) => {
      const totals = new Set(all.filter(({ daily }) => daily).map(({ source }) => source));
      const taken = all.filter(({ daily, source }) => daily || !totals.has(source));
      const sum = (list: readonly MetricSample[]) => list.reduce((total, { value }) => total + value, 0);
      const largest = (list: MetricSample[]) => [list.reduce((one, other) => (other.value > one.value ? other : one))];
      if (kind !== "steps" && kind !== "sleep_duration") {
        const values = taken.map(({ value }) => value);
        const mean = sum(taken) / taken.length;
        return [date, { count: taken.length, mean, minimum: Math.min(...values), maximum: Math.max(...values) }];
      }
      const bySource = [...Map.groupBy(taken, ({ source }) => source)]
        .map(([source, own]) => [source, totals.has(source) ? largest(own) : own] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      const [, best = []] = bySource.reduce((one, other) => (sum(other[1]) > sum(one[1]) ? other : one));
      return [date, { count: best.length, sum: sum(best) }];
    }),
  );
}

const midnight = micros("2026-03-28T00:00:00Z");

/** Writes whose keys meet and whose offsets differ, around a change of clocks. */
const written = fc
  .record({
    kind: fc.constantFrom("steps", "heart_rate", "sleep_duration"),
    tick: fc.integer({ min: 0, max: 12 }),
    utcOffsetMinutes: fc.constantFrom(-840, -60, 0, 60, 120, 840),
    source: fc.constantFrom("watch", "ring"),
    daily: fc.boolean(),
    version: fc.bigInt({ min: 1n, max: 5n }),
    hours: fc.integer({ min: 1, max: 20 }),
    // Whole numbers, whose sums do not depend on the order.
    value: fc.integer({ min: 1, max: 200 }),
  })
  .map(({ tick, daily, hours, kind, ...rest }) => {
    const isTotal = daily && kind !== "heart_rate";
    const start = isTotal
      ? midnight + BigInt(tick % 4) * 1_440n * minuteMicros - BigInt(rest.utcOffsetMinutes) * minuteMicros
      : midnight + BigInt(tick) * 347n * minuteMicros;
    const end =
      isTotal || kind === "heart_rate" ? {} : { endTime: fromMicros(start + BigInt(hours) * 60n * minuteMicros) };
    return sample({ ...rest, kind, daily: isTotal, startTime: fromMicros(start), ...end });
  });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: fc.array(written, { minLength: 1, maxLength: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.array(written, { minLength: 1, maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ clear: fc.constantFrom("watch", "ring") }) },
  { weight: 1, arbitrary: fc.constant({ ask: true }) },
);

describe("after random writes, corrections and deletions", () => {
  test("every day comes to what its samples do, however often it was asked for in between", async () => {
    const kinds = ["steps", "heart_rate", "sleep_duration"];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const employeeId = await service.hire(tenant);
        const own = as("employee", tenant, employeeId);
        const { metrics } = service.clients;
        const compare = async () => {
          const { samples } = await metrics.listSamples({ employeeId, pageSize: 10_000 }, own);
          const buckets = await ask(employeeId, kinds);
          for (const kind of kinds) {
            const found = buckets.filter((bucket) => bucket.kind === kind);
            const raw = expected(samples, kind);
            expect(found.map(({ startDate }) => startDate)).toEqual(Object.keys(raw).sort());
            for (const { startDate, count, sum, mean, minimum, maximum } of found) {
              const given = { count: Number(count), sum, mean, minimum, maximum };
              expect(given).toEqual({
                sum: undefined,
                mean: undefined,
                minimum: undefined,
                maximum: undefined,
                ...raw[startDate],
              });
            }
          }
        };
        for (const one of steps) {
          if ("put" in one) await put(employeeId, ...one.put);
          if ("remove" in one) {
            const keys = one.remove.map(sampleKey);
            await metrics.deleteSamples({ employeeId, selection: { case: "keys", value: { keys } } }, own);
          }
          if ("clear" in one) {
            const startTime = fromMicros(midnight);
            const endTime = fromMicros(midnight + 2_000n * minuteMicros);
            const value = { source: one.clear, startTime, endTime };
            await metrics.deleteSamples({ employeeId, selection: { case: "range", value } }, own);
          }
          if ("ask" in one) await compare();
        }
        await compare();
      }),
      { numRuns: 25 },
    );
  });
});

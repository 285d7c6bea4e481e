import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros, minuteMicros } from "../../src/civil-time.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { as } from "../support/clients.ts";
import { sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const micros = (text: string) => BigInt(Date.parse(text)) * 1_000n;
const kinds = ["steps", "heart_rate", "sleep_duration", "weight"];

const put = (tenant: string, employeeId: string, samples: MetricSample[]) =>
  service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));

async function ask(tenant: string, employeeId: string, startDate = "2019-01-01", endDate = "2020-01-01") {
  const { buckets } = await service.clients.metrics.aggregateSamples(
    { employeeId, kinds, period: CalendarPeriod.DAY, startDate, endDate },
    as("employee", tenant, employeeId),
  );
  return buckets;
}

async function purge(tenantId: string): Promise<bigint> {
  const steps = await Array.fromAsync(service.clients.tenants.purgeExpired({ tenantId }, as("platform_operator")));
  return steps.at(-1)?.sampleCount ?? 0n;
}

const old = fc
  .record({
    kind: fc.constantFrom(...kinds),
    tick: fc.integer({ min: 0, max: 200 }),
    utcOffsetMinutes: fc.constantFrom(-840, -60, 0, 120, 840),
    source: fc.constantFrom("watch", "ring"),
    hours: fc.integer({ min: 1, max: 20 }),
    value: fc.integer({ min: 20, max: 200 }),
  })
  .map(({ kind, tick, hours, ...rest }) => {
    const start = micros("2019-03-28T00:00:00Z") + BigInt(tick) * 47n * minuteMicros;
    const isInterval = kind === "steps" || kind === "sleep_duration";
    const end = isInterval ? { endTime: fromMicros(start + BigInt(hours) * 60n * minuteMicros) } : {};
    return sample({ ...rest, kind, startTime: fromMicros(start), ...end });
  });

test("days come to the same after a purge as before it, whether anybody had asked for them or not", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(old, { minLength: 1, maxLength: 150 }), async (samples) => {
      const tenant = await service.provision();
      const [asked, stale] = [await service.hire(tenant), await service.hire(tenant)];
      for (const employeeId of [asked, stale]) await put(tenant, employeeId, samples);
      const before = await ask(tenant, asked);
      expect(before.length).toBeGreaterThan(0);
      expect(await purge(tenant)).toBeGreaterThan(0n);
      expect(await ask(tenant, asked)).toEqual(before);
      // The function of the database computed these, and the service's statement those.
      expect(await ask(tenant, stale)).toEqual(before);
    }),
    { numRuns: 8 },
  );
});

test("a day whose samples were purged stays as it is, whatever is written or deleted later, and of other tenants nothing changes", async () => {
  const [tenant, other] = [await service.provision(), await service.provision()];
  const [employeeId, theirs] = [await service.hire(tenant), await service.hire(other)];
  const at = (time: string, value: number) => sample({ startTime: fromMicros(micros(time)), value });
  const samples = [at("2019-05-01T08:00:00Z", 60), at("2019-05-01T09:00:00Z", 70)];
  await put(tenant, employeeId, samples);
  await put(other, theirs, samples);
  expect(await purge(tenant)).toBe(2n);
  const kept = await ask(tenant, employeeId);
  expect(kept).toMatchObject([{ startDate: "2019-05-01", count: 2n, mean: 65, last: 70 }]);
  await put(tenant, employeeId, [at("2019-05-01T10:00:00Z", 200), at("2019-05-02T10:00:00Z", 50)]);
  expect(await ask(tenant, employeeId)).toMatchObject([...kept, { startDate: "2019-05-02", count: 1n, mean: 50 }]);
  expect(await purge(tenant)).toBe(2n);
  expect(await ask(tenant, employeeId)).toMatchObject([...kept, { startDate: "2019-05-02", count: 1n, mean: 50 }]);
  await put(other, theirs, [at("2019-05-01T10:00:00Z", 80)]);
  expect(await ask(other, theirs)).toMatchObject([{ startDate: "2019-05-01", count: 3n, mean: 70 }]);
});

test("a day of which only deleted samples were purged counts what is written for it later", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant);
  const at = (version: bigint, value: number) =>
    sample({ startTime: fromMicros(micros("2019-05-01T08:00:00Z")), value, version });
  await put(tenant, employeeId, [at(1n, 60)]);
  const value = { keys: [sampleKey(at(1n, 60))] };
  await service.clients.metrics.deleteSamples(
    { employeeId, selection: { case: "keys", value } },
    as("employee", tenant, employeeId),
  );
  expect(await ask(tenant, employeeId)).toEqual([]);
  expect(await purge(tenant)).toBe(1n);
  await put(tenant, employeeId, [at(2n, 70)]);
  expect(await ask(tenant, employeeId)).toMatchObject([{ startDate: "2019-05-01", count: 1n, mean: 70 }]);
  // Which is a sample, and so the day is kept by the next purge.
  expect(await purge(tenant)).toBe(1n);
  expect(await ask(tenant, employeeId)).toMatchObject([{ startDate: "2019-05-01", count: 1n, mean: 70 }]);
});

test("the first day that is kept goes on being computed", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant);
  const [step] = await Array.fromAsync(
    service.clients.tenants.purgeExpired({ tenantId: tenant, validateOnly: true }, as("platform_operator")),
  );
  const first = (step?.sampleStartTime?.seconds ?? 0n) * 1_000_000n;
  const at = (after: bigint) => sample({ startTime: fromMicros(first + after), value: 60 });
  const day = 1_440n * minuteMicros;
  await put(tenant, employeeId, [at(-day), at(-1n), at(0n), at(day)]);
  expect(await purge(tenant)).toBe(2n);
  await put(tenant, employeeId, [at(1n), at(-2n)]);
  const date = (micro: bigint) => new Date(Number(micro / 1_000n)).toISOString().slice(0, 10);
  const counts = (await ask(tenant, employeeId, date(first - 2n * day), date(first + 2n * day)))
    .filter(({ kind }) => kind === "heart_rate")
    .map(({ count }) => count);
  // A day that is kept, without what was written later, then two that are computed.
  expect(counts).toEqual([2n, 2n, 1n]);
});

test("kept days within a range that is deleted are wiped, of that source and kind, and of nobody else", async () => {
  const tenant = await service.provision();
  const [employeeId, colleague] = [await service.hire(tenant), await service.hire(tenant)];
  const at = (date: string, over: Parameters<typeof sample>[0] = {}) =>
    sample({ startTime: fromMicros(micros(`${date}T12:00:00Z`)), ...over });
  const dates = ["2019-04-30", "2019-05-01", "2019-05-02", "2019-05-03"];
  for (const id of [employeeId, colleague]) {
    await put(tenant, id, [
      ...dates.map((date) => at(date)),
      at("2019-05-01", { source: "ring", value: 50 }),
      at("2019-05-01", { kind: "weight", value: 70 }),
    ]);
  }
  expect(await purge(tenant)).toBe(12n);
  const days = async (id: string) =>
    (await ask(tenant, id)).map(({ kind, startDate, mean }) => `${kind} ${startDate.slice(5)} ${mean}`);
  const before = await days(colleague);
  const remove = async (start: string, end: string) => {
    const [startTime, endTime] = [start, end].map((time) => fromMicros(micros(time)));
    const value = {
      source: "watch",
      kinds: ["heart_rate"],
      startTime: startTime as object,
      endTime: endTime as object,
    };
    await service.clients.metrics.deleteSamples(
      { employeeId, selection: { case: "range", value } },
      as("employee", tenant, employeeId),
    );
  };
  // 1 May begins by some offset at 10:00 of the day before in UTC, and ends by some at 14:00 of the day after.
  await remove("2019-04-30T10:00:01Z", "2019-05-02T14:00:00Z");
  await remove("2019-04-30T10:00:00Z", "2019-05-02T13:59:59Z");
  expect(await days(employeeId)).toEqual(before);
  await remove("2019-04-30T10:00:00Z", "2019-05-02T14:00:00Z");
  expect(await days(employeeId)).toEqual([
    "heart_rate 04-30 60",
    "heart_rate 05-01 50",
    "heart_rate 05-02 60",
    "heart_rate 05-03 60",
    "weight 05-01 70",
  ]);
  // And nothing that comes late brings it back.
  await put(tenant, employeeId, [at("2019-05-01", { version: 2n })]);
  expect((await days(employeeId)).filter((day) => day.includes("05-01"))).toEqual([
    "heart_rate 05-01 50",
    "weight 05-01 70",
  ]);
  expect(await days(colleague)).toEqual(before);
});

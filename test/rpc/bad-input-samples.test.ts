import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type MetricSample,
  type MetricSampleSchema,
  type RecordingMethod,
  SampleShape,
} from "../../src/gen/wellvault/v1/metric_pb.ts";
import { type Kind, kinds, kindsBySlug } from "../../src/metrics/kinds.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

type SampleInit = Exclude<MessageInitShape<typeof MetricSampleSchema>, MetricSample>;

let service: TestService;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
  employeeId = await service.hire("acme");
});
afterAll(() => service.close());

const noon = Date.UTC(2026, 1, 3, 12);
const hour = 3_600_000;
const at = (millis: number) => timestampFromDate(new Date(millis));
const time = (seconds: bigint, nanos = 0): Timestamp => create(TimestampSchema, { seconds, nanos });
const int64Max = 9_223_372_036_854_775_807n;

/** A sample of a kind that keeps every rule. */
function good(kind: Kind, value = (kind.min + kind.max) / 2): SampleInit {
  const shape = kind.shapes[0];
  return {
    kind: kind.slug,
    startTime: at(shape === SampleShape.DAY ? Date.UTC(2026, 1, 3) : noon),
    ...(shape === SampleShape.INTERVAL ? { endTime: at(noon + hour) } : {}),
    daily: shape === SampleShape.DAY,
    utcOffsetMinutes: 0,
    value,
    source: "fitbit",
    version: 1n,
  };
}

const of = (slug: string) => good(kindsBySlug.get(slug) as Kind);
const heartRate = of("heart_rate");
const steps = of("steps");
const restingHeartRate = of("resting_heart_rate");

async function put(...samples: SampleInit[]) {
  return await service.clients.metrics.putSamples({ employeeId, samples }, as("employee", "acme", employeeId));
}

async function expectRefused(sample: SampleInit, field: string): Promise<void> {
  const { fields, ...failure } = await failureOf(put(sample));
  expect(failure).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID" });
  // A field may break two rules.
  expect([...new Set(fields)]).toEqual([`samples[0].${field}`]);
}

async function storedCount(): Promise<number> {
  const { samples } = await service.clients.metrics.listSamples({ employeeId }, as("employee", "acme", employeeId));
  return samples.length;
}

test.each<[string, SampleInit, string]>([
  ["an unknown kind", { ...heartRate, kind: "telepathy" }, "kind"],
  ["no kind", { ...heartRate, kind: "" }, "kind"],
  ["a kind in capitals", { ...heartRate, kind: "Heart_Rate" }, "kind"],
  ["a kind of 64 letters", { ...heartRate, kind: "k".repeat(64) }, "kind"],
  ["a name of every object as its kind", { ...heartRate, kind: "constructor" }, "kind"],
  ["NaN", { ...heartRate, value: Number.NaN }, "value"],
  ["infinity", { ...heartRate, value: Number.POSITIVE_INFINITY }, "value"],
  ["negative infinity", { ...heartRate, value: Number.NEGATIVE_INFINITY }, "value"],
  ["no start", { ...heartRate, startTime: undefined as never }, "start_time"],
  ["a start before 1970", { ...heartRate, startTime: at(-1) }, "start_time"],
  ["a start in the year 1", { ...heartRate, startTime: time(-62_135_596_800n) }, "start_time"],
  ["a start in the year 9999", { ...heartRate, startTime: time(253_402_300_799n) }, "start_time"],
  ["a start after all years", { ...heartRate, startTime: time(int64Max) }, "start_time"],
  ["a start before all years", { ...heartRate, startTime: time(-int64Max - 1n) }, "start_time"],
  ["a start with negative nanoseconds", { ...heartRate, startTime: time(9n, -1) }, "start_time"],
  ["a start with a second of nanoseconds", { ...heartRate, startTime: time(9n, 1e9) }, "start_time"],
  [
    "a start minutes past 24 hours ahead",
    { ...heartRate, startTime: at(Date.now() + 24 * hour + 300_000) },
    "start_time",
  ],
  ["no offset", { ...heartRate, utcOffsetMinutes: undefined as never }, "utc_offset_minutes"],
  ["an offset too far east", { ...heartRate, utcOffsetMinutes: 841 }, "utc_offset_minutes"],
  ["an offset too far west", { ...heartRate, utcOffsetMinutes: -841 }, "utc_offset_minutes"],
  ["an offset that overflows", { ...heartRate, utcOffsetMinutes: -(2 ** 31) }, "utc_offset_minutes"],
  ["no version", { ...heartRate, version: 0n }, "version"],
  ["a negative version", { ...heartRate, version: -1n }, "version"],
  ["the smallest version there is", { ...heartRate, version: -int64Max - 1n }, "version"],
  ["no source", { ...heartRate, source: "" }, "source"],
  ["a source with a space", { ...heartRate, source: "my watch" }, "source"],
  ["a source with a line break at its end", { ...heartRate, source: "fitbit\n" }, "source"],
  ["a source of 64 letters", { ...heartRate, source: "s".repeat(64) }, "source"],
  ["a source with U+0000", { ...heartRate, source: "fit\0bit" }, "source"],
  ["an unknown recording method", { ...heartRate, recordingMethod: 99 as RecordingMethod }, "recording_method"],
  ["a negative recording method", { ...heartRate, recordingMethod: -1 as RecordingMethod }, "recording_method"],
  ["a SUM kind at an instant", { ...steps, endTime: undefined as never }, "end_time"],
  ["a MEAN kind with an interval", { ...heartRate, endTime: at(noon + hour) }, "end_time"],
  ["an instant as a day", { ...heartRate, startTime: at(Date.UTC(2026, 1, 3)), daily: true }, "daily"],
  [
    "a day that ends some minutes after its midnight",
    { ...restingHeartRate, endTime: at(Date.UTC(2026, 1, 4, 0, 17)) },
    "end_time",
  ],
  ["a day as an instant", { ...restingHeartRate, daily: false }, "end_time"],
  ["an end before the start", { ...steps, endTime: at(noon - 1_000) }, "end_time"],
  ["an end at the start", { ...steps, endTime: at(noon) }, "end_time"],
  ["an interval of 24 hours and a second", { ...steps, endTime: at(noon + 24 * hour + 1_000) }, "end_time"],
  ["an end after all years", { ...steps, endTime: time(int64Max) }, "end_time"],
  ["an end before all years", { ...steps, endTime: time(-int64Max - 1n) }, "end_time"],
  ["an end with negative nanoseconds", { ...steps, endTime: time(BigInt(noon / 1_000) + 9n, -1) }, "end_time"],
  ["an interval of half a second", { ...steps, endTime: at(noon + 500) }, "end_time"],
  ["a sleep of 48 hours and a second", { ...of("sleep_duration"), endTime: at(noon + 48 * hour + 1_000) }, "end_time"],
  ["a day that starts at noon", { ...restingHeartRate, startTime: at(noon) }, "start_time"],
  ["a day at midnight of another offset", { ...restingHeartRate, utcOffsetMinutes: 60 }, "start_time"],
  ["a day of 22 hours", { ...restingHeartRate, endTime: at(Date.UTC(2026, 1, 3, 22)) }, "end_time"],
  ["a day of 26 hours", { ...restingHeartRate, endTime: at(Date.UTC(2026, 1, 4, 2)) }, "end_time"],
])("a sample with %s is refused by its field", async (_, sample, field) => {
  await expectRefused(sample, field);
});

test("nothing of what was refused is stored", async () => {
  expect(await storedCount()).toBe(0);
});

test.each(kinds.map((kind) => [kind.slug, kind] as const))(
  "%s takes its bounds and nothing beyond",
  async (_, kind) => {
    const { insertedCount } = await put(
      { ...good(kind, kind.min), source: "at_minimum" },
      { ...good(kind, kind.max), source: "at_maximum" },
    );
    expect(insertedCount).toBe(2);
    const beyond = fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => value < kind.min || value > kind.max);
    await fc.assert(
      fc.asyncProperty(beyond, async (value) => await expectRefused(good(kind, value), "value")),
      { numRuns: 5, examples: [[kind.max + 1e-6], [kind.min - 1e-6], [Number.MAX_VALUE], [-Number.MAX_VALUE]] },
    );
  },
);

test.each<[string, SampleInit]>([
  ["the highest version", { ...heartRate, version: int64Max }],
  ["the longest interval", { ...steps, endTime: at(noon + 24 * hour) }],
  ["the longest sleep", { ...of("sleep_duration"), endTime: at(noon + 48 * hour) }],
  ["the farthest offsets", { ...heartRate, utcOffsetMinutes: 840 }],
  ["the first instant", { ...heartRate, startTime: time(0n) }],
  ["a start almost 24 hours ahead", { ...heartRate, startTime: at(Date.now() + 24 * hour - 60_000) }],
  ["a day of 25 hours", { ...restingHeartRate, endTime: at(Date.UTC(2026, 1, 4, 1)) }],
  ["a source of 63 letters", { ...heartRate, source: "s".repeat(63) }],
])("a sample with %s is taken", async (name, sample) => {
  const source = sample.source === "fitbit" ? name.replaceAll(/\W/g, "_") : sample.source;
  expect((await put({ ...sample, source } as SampleInit)).insertedCount).toBe(1);
});

test("one bad sample in a thousand is named by its index and nothing is stored", async () => {
  const before = await storedCount();
  const batch = Array.from(
    { length: 1_000 },
    (_, index): SampleInit => ({
      ...heartRate,
      source: "batch",
      startTime: at(noon + index * 1_000),
    }),
  );
  batch[617] = { ...heartRate, value: 301 };
  expect(await failureOf(put(...batch))).toMatchObject({ code: "InvalidArgument", fields: ["samples[617].value"] });
  batch[999] = { ...heartRate, kind: "telepathy" };
  expect((await failureOf(put(...batch))).fields).toEqual(["samples[617].value", "samples[999].kind"]);
  expect(await storedCount()).toBe(before);
});

test("a batch is 1 to 1,000 samples", async () => {
  expect(await failureOf(put())).toMatchObject({ code: "InvalidArgument", fields: ["samples"] });
  const many = Array.from({ length: 1_001 }, (_, index): SampleInit => ({ ...heartRate, startTime: at(noon - index) }));
  expect(await failureOf(put(...many))).toMatchObject({ code: "InvalidArgument", fields: ["samples"] });
});

test("of far too many bad samples only as many are looked at as there may be", async () => {
  const many = Array.from({ length: 10_000 }, (): SampleInit => ({}));
  const { fields, metadata } = await failureOf(put(...many));
  expect(fields[0]).toBe("samples");
  // Five rules for each of a thousand samples, and one too many.
  expect(Number(metadata["violation_count"])).toBe(1 + 5 * 1_001);
});

test("and of far too many keys to be deleted, which stand in a message of their own", async () => {
  const keys = Array.from({ length: 10_000 }, () => ({}));
  const selection = { case: "keys" as const, value: { keys } };
  const { fields, metadata } = await failureOf(
    service.clients.metrics.deleteSamples({ employeeId, selection }, as("employee", "acme", employeeId)),
  );
  expect(fields[0]).toBe("keys.keys");
  expect(Number(metadata["violation_count"])).toBeLessThan(10_000);
});

test("of hundreds of thousands of samples not even one is decoded", async () => {
  const samples = Array.from({ length: 400_000 }, (): SampleInit => ({}));
  const { metrics } = service.clients;
  const failure = await failureOf(metrics.putSamples({ employeeId, samples }, as("employee", "acme", employeeId)));
  expect(failure).toMatchObject({ reason: "FIELD_INVALID", fields: ["samples"] });
  expect(failure.message).toContain("32768");
});

test("a batch in which everything is wrong is answered, not only refused", async () => {
  const many = Array.from(
    { length: 1_000 },
    (): SampleInit => ({ kind: "x".repeat(64), value: Number.NaN, version: -1n }),
  );
  const failure = await failureOf(put(...many));
  expect(failure).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID" });
  expect(failure.fields).toContain("samples[0].kind");
  // Trailers are small: of so many violations only the first are told, and how many there are.
  expect(failure.fields.length).toBeLessThanOrEqual(20);
  expect(Number(failure.metadata["violation_count"])).toBeGreaterThanOrEqual(4_000);
});

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MetricSample, MetricSampleSchema, RecordingMethod } from "../../../src/gen/wellvault/v1/metric_pb.ts";
import { readAppleTime } from "../../../src/importers/apple-health/apple-time.ts";
import { type Food, FoodSums } from "../../../src/importers/apple-health/food-sums.ts";
import { readAppleHealth } from "../../../src/importers/apple-health/read-export.ts";
import { recordTypes } from "../../../src/importers/apple-health/record-types.ts";
import { SleepDays, type SleepPiece } from "../../../src/importers/apple-health/sleep-days.ts";
import { sourceSlug } from "../../../src/importers/apple-health/source-slug.ts";
import type { ImportEvent, SampleEvent } from "../../../src/importers/import-event.ts";
import { findBadSamples } from "../../../src/importers/sample-violations.ts";
import { zoneOffsetMinutes } from "../../../src/importers/zone-offset.ts";
import { kindsBySlug } from "../../../src/metrics/kinds.ts";

const fixture = join(import.meta.dirname, "../../fixtures/apple-health/export.xml");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-apple-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readFileOf(path: string): Promise<ImportEvent[]> {
  const events: ImportEvent[] = [];
  for await (const step of readAppleHealth(path, "E-1")) events.push(...step.events);
  return events;
}

async function read(text: string): Promise<ImportEvent[]> {
  const path = join(folder, "export.xml");
  await writeFile(path, text);
  return await readFileOf(path);
}

/** Reads records as the contents of an export. */
const readRecords = (...records: string[]) => read(`<HealthData>\n${records.join("\n")}\n</HealthData>`);

function record(attributes: Record<string, string>, inner = ""): string {
  const all: Record<string, string> = {
    type: "HKQuantityTypeIdentifierHeartRate",
    sourceName: "Ada’s Apple Watch",
    unit: "count/min",
    value: "60",
    startDate: "2019-09-06 09:28:35 -0400",
    endDate: "2019-09-06 09:28:35 -0400",
    creationDate: "2019-09-06 09:29:00 -0400",
    ...attributes,
  };
  const text = Object.entries(all).map(([name, value]) => `${name}="${value}"`);
  return `<Record ${text.join(" ")}>${inner}</Record>`;
}

const samplesOf = (events: readonly ImportEvent[]): MetricSample[] =>
  events.flatMap((event) => (event.type === "sample" ? [event.sample] : []));

const problemsOf = (events: readonly ImportEvent[]) =>
  events.flatMap((event) =>
    event.type === "refused" || event.type === "broken" ? [[event.type, event.problem.line, event.problem.field]] : [],
  );

test("every record of the sample export becomes what it says, in the units of the catalogue", async () => {
  const events = await readFileOf(fixture);
  expect(problemsOf(events)).toEqual([]);
  const brief = samplesOf(events).map(({ kind, value, source, startTime, endTime, daily }) => [
    kind,
    value,
    source.replace("apple_health_", ""),
    new Date(Number(startTime?.seconds) * 1_000).toISOString().slice(5, 19),
    daily ? "day" : endTime ? Number(endTime.seconds - (startTime?.seconds ?? 0n)) : "instant",
  ]);
  expect(brief).toEqual([
    ["height", 1.6764, "health", "01-02T12:00:00", "instant"],
    ["weight", 68.0388555, "withings", "09-06T11:10:00", "instant"],
    ["body_fat", 23.45, "withings", "09-06T11:10:00", "instant"],
    ["heart_rate", 71, "watch4_4", "09-06T13:28:35", "instant"],
    ["heart_rate", 75, "watch4_4", "09-06T13:33:35", "instant"],
    ["oxygen_saturation", 97, "watch4_4", "09-06T07:00:00", "instant"],
    ["body_temperature", 37, "health", "09-06T12:00:00", "instant"],
    ["blood_pressure_systolic", 118, "omron_connect", "09-06T12:04:00", "instant"],
    ["blood_pressure_diastolic", 76, "omron_connect", "09-06T12:04:00", "instant"],
    ["respiratory_rate", 14.5, "autosleep", "09-06T08:00:00", "instant"],
    ["steps", 812, "iphone11_2", "09-06T13:28:35", 600],
    ["steps", 840, "watch4_4", "09-06T13:28:35", 600],
    ["steps", 845, "watch4_4", "09-06T13:28:35", 600],
    ["distance", 804.672, "iphone11_2", "09-06T13:28:35", 600],
    ["active_energy", 50, "watch4_4", "09-06T13:28:35", 600],
    ["floors", 2, "iphone11_2", "09-06T13:30:00", 20],
    ["active_minutes", 10, "watch4_4", "09-06T13:28:00", 600],
    ["resting_heart_rate", 58, "watch4_4", "09-06T00:00:00", "day"],
    ["resting_heart_rate", 56, "watch4_4", "09-06T00:00:00", "day"],
    ["vo2_max", 38.5, "watch4_4", "09-06T13:38:35", "instant"],
    ["blood_glucose", 5.49524112119, "dexcom", "09-06T12:15:00", "instant"],
    ["blood_glucose", 5.6, "dexcom", "09-06T12:20:00", "instant"],
    ["hrv_sdnn", 48.25, "watch4_4", "09-06T09:10:35", "instant"],
    ["mindful_minutes", 10, "headspace", "09-07T00:00:00", 600],
    ["hydration", 236.5882365, "health", "09-06T13:30:00", 1],
    ["nutrition_energy", 540, "myfitnesspal", "09-06T16:30:00", 1],
    ["time_in_bed", 495, "iphone11_2", "09-06T00:00:00", "day"],
    ["sleep_duration", 450, "watch4_4", "09-06T00:00:00", "day"],
  ]);
  expect(findBadSamples(samplesOf(events), new Date())).toEqual(new Map());
});

test("a record's place, version, offset and method come from it, and its metadata's zone goes before the phone's", async () => {
  const events = await readFileOf(fixture);
  const of = (kind: string) =>
    events.filter((event): event is SampleEvent => event.type === "sample" && event.sample.kind === kind);
  const [water] = of("hydration");
  expect(water).toMatchObject({ externalId: "E-1", place: { file: fixture, line: 92 } });
  expect(water?.sample).toMatchObject({
    ...{ version: BigInt(Date.UTC(2019, 8, 20, 22) / 1_000), utcOffsetMinutes: -240 },
    recordingMethod: RecordingMethod.MANUAL,
  });
  expect(of("height")[0]?.sample.version).toBe(BigInt(Date.UTC(2019, 0, 2, 12) / 1_000));
  expect(of("steps")[0]?.sample.recordingMethod).toBe(RecordingMethod.UNSPECIFIED);
  // In Berlin it was the next day already.
  expect(of("mindful_minutes")[0]?.sample.utcOffsetMinutes).toBe(120);
  // What is gathered of several records is as new as the export.
  expect(of("sleep_duration")[0]?.sample.version).toBe(BigInt(Date.UTC(2019, 8, 20, 22) / 1_000));
});

test("what is no metric is counted by its type, and what stands in a correlation is there once", async () => {
  const passed = (await readFileOf(fixture)).flatMap((event) => (event.type === "passed over" ? [event.what] : []));
  expect(passed.sort()).toEqual([
    "ActivitySummary",
    "Correlation",
    "HKCategoryTypeIdentifierAppleStandHour",
    "HKCategoryTypeIdentifierSleepAnalysis awake",
    "HKQuantityTypeIdentifierBasalEnergyBurned",
    "HKQuantityTypeIdentifierBodyMassIndex",
    "HKQuantityTypeIdentifierDistanceCycling",
    "Workout",
  ]);
});

test("a bad record is refused at its line with its attribute and without its value, and the others are read", async () => {
  const events = await readRecords(
    record({ unit: "bpm" }),
    record({ value: "sixty-one" }),
    record({ startDate: "2019-02-30 09:28:35 -0400" }),
    record({ endDate: "2019-09-06 09:28:34 -0400" }),
    record({ creationDate: "yesterday" }),
    record({ type: "HKCategoryTypeIdentifierSleepAnalysis", value: "HKCategoryValueSleepAnalysisDream" }),
    record({
      type: "HKCategoryTypeIdentifierSleepAnalysis",
      value: "HKCategoryValueSleepAnalysisInBed",
      endDate: "2019-09-08 09:28:35 -0400",
    }),
    "<Record type='HKQuantityTypeIdentifierHeartRate' unit='count/min' value='61' startDate='2019-09-06 09:28:35 -0400' endDate='2019-09-06 09:28:35 -0400'/>",
    record({ type: "" }),
    record({ type: "toString" }),
    record({ value: "61" }),
  );
  expect(problemsOf(events)).toEqual([
    ["refused", 2, "unit"],
    ["refused", 3, "value"],
    ["refused", 4, "startDate"],
    ["refused", 5, "endDate"],
    ["refused", 6, "creationDate"],
    ["refused", 7, "value"],
    ["refused", 8, "endDate"],
    ["refused", 9, "sourceName"],
    ["refused", 10, "type"],
  ]);
  expect(JSON.stringify(problemsOf(events))).not.toContain("sixty-one");
  const [refused] = events;
  expect(refused).toMatchObject({
    problem: { problem: "must be one that is known for heart_rate: count/min, count/s" },
  });
  expect(samplesOf(events).map(({ value }) => value)).toEqual([61]);
  expect(events).toContainEqual({ type: "passed over", what: "toString" });
});

const laughs = `<!DOCTYPE HealthData [\n<!ENTITY a "${"ha".repeat(100)}">\n<!ENTITY b "&a;&a;&a;&a;">\n]>\n`;
test.each([
  ["cut off", `<HealthData>\n${record({})}\n<Record type="HK`, 3],
  ["without an end", `<HealthData>\n${record({})}\n`, 3],
  ["not nested", `<HealthData>\n${record({})}\n<Workout></HealthData>`, 3],
  ["a stray ampersand", `<HealthData>\n${record({})}\n<Record type="A&B"/></HealthData>`, 3],
  ["entities of its own", `${laughs}<HealthData>\n${record({})}\n<Record type="&b;"/></HealthData>`, 7],
  [
    "a file from elsewhere",
    `<!DOCTYPE h [\n<!ENTITY x SYSTEM "file:///etc/passwd">\n]>\n<HealthData>\n${record({})}\n&x;</HealthData>`,
    6,
  ],
  ["a text that does not end", `<HealthData>\n${record({})}\n<Record type="${"x".repeat(3_000_000)}"/>`, 3],
  ["deeper than any", `<HealthData>\n${record({})}\n${"<a>".repeat(100)}`, 3],
])("XML that is none ends reading with its line, and what stood before it stays: %s", async (_, text, line) => {
  const events = await read(text);
  expect(samplesOf(events)).toHaveLength(1);
  expect(problemsOf(events)).toEqual([["broken", line, undefined]]);
});

test("what would fill memory ends reading, although it is well-formed", async () => {
  const long = await readRecords(record({}), record({ sourceName: "x".repeat(3_000_000) }));
  expect(samplesOf(long)).toHaveLength(1);
  expect(long.at(-1)).toMatchObject({ problem: { line: 3, problem: expect.stringContaining("1 MiB") as string } });
  const deep = await readRecords(record({}), `${"<a>".repeat(100)}${"</a>".repeat(100)}`);
  expect(deep.at(-1)).toMatchObject({ problem: { problem: expect.stringContaining("deeper than 32") as string } });
});

test("a day of an export that was made in another time zone is the same day, and not counted twice", async () => {
  const night = { type: "HKCategoryTypeIdentifierSleepAnalysis", value: "HKCategoryValueSleepAnalysisAsleepCore" };
  const pulse = { type: "HKQuantityTypeIdentifierRestingHeartRate" };
  const daysOf = async (offset: string, start: string, end: string) => {
    const times = { startDate: `2019-09-06 ${start} ${offset}`, endDate: `2019-09-06 ${end} ${offset}` };
    const events = await readRecords(record({ ...night, ...times }), record({ ...pulse, ...times }));
    return samplesOf(events).map(({ kind, startTime, source, daily }) => [kind, startTime?.seconds, source, daily]);
  };
  const home = await daysOf("-0400", "01:00:00", "06:30:00");
  expect(home).toHaveLength(2);
  expect(await daysOf("+0200", "07:00:00", "12:30:00")).toEqual(home);
});

test("all of a record's metadata are read, in any order", async () => {
  const entry = (key: string, value: string) => `<MetadataEntry key="${key}" value="${value}"/>`;
  const inner =
    entry("HKMetadataKeyHeartRateMotionContext", "1") +
    entry("HKTimeZone", "Asia/Tokyo") +
    entry("HKWasUserEntered", "1");
  const [sample, ...others] = samplesOf(await readRecords(record({}, inner)));
  expect(sample).toMatchObject({ utcOffsetMinutes: 540, recordingMethod: RecordingMethod.MANUAL });
  expect(others).toEqual([]);
});

/** What was eaten at one second unless told otherwise. */
const eaten = (value: string, over: Record<string, string> = {}, inner = "") =>
  record(
    { type: "HKQuantityTypeIdentifierDietaryEnergyConsumed", sourceName: "Yazio", unit: "kcal", value, ...over },
    inner,
  );

test("the foods of a meal, which bear its time, are one sample of all of them, and none is there twice", async () => {
  const byHand = '<MetadataEntry key="HKWasUserEntered" value="1"/>';
  const meal = [
    eaten("0.1"),
    eaten("0.2", { creationDate: "2019-09-06 09:40:00 -0400" }),
    eaten("0.3", { endDate: "2019-09-06 09:28:45 -0400" }),
    // The phone and the tablet wrote it, each.
    eaten("0.3", { creationDate: "2019-09-06 11:00:00 -0400" }),
    eaten("100", { startDate: "2019-09-06 09:28:36 -0400", endDate: "2019-09-06 09:28:36 -0400" }, byHand),
    eaten("70", { sourceName: "Lifesum" }),
    eaten("500", { type: "HKQuantityTypeIdentifierDietaryWater", unit: "mL" }),
    // Not a food that was eaten: what is left is added up without it.
    eaten("-5"),
    eaten("5", { endDate: "2019-09-08 09:28:35 -0400" }),
  ];
  const read = async (records: readonly string[]) => {
    const events = await readRecords('<ExportDate value="2019-09-20 18:00:00 -0400"/>', ...records);
    return { events, samples: samplesOf(events) };
  };
  const { events, samples } = await read(meal);
  const brief = samples.map(({ kind, value, source, startTime, endTime, version, recordingMethod }) => [
    ...[kind, value, source.replace(/^apple_health_app_../, "app")],
    ...[Number(startTime?.seconds) % 60, Number((endTime?.seconds ?? 0n) - (startTime?.seconds ?? 0n))],
    ...[version, recordingMethod],
  ]);
  const made = BigInt(Date.UTC(2019, 8, 20, 22) / 1_000);
  expect(brief).toEqual([
    ["nutrition_energy", 0.6, "app", 35, 10, made, RecordingMethod.DERIVED],
    ["nutrition_energy", 100, "app", 36, 1, made, RecordingMethod.MANUAL],
    ["nutrition_energy", 70, "app", 35, 1, made, RecordingMethod.UNSPECIFIED],
    ["hydration", 500, "app", 35, 1, made, RecordingMethod.UNSPECIFIED],
  ]);
  // The control: added up as they come, they would be something else.
  expect(0.1 + 0.2 + 0.3).not.toBe(0.6);
  expect(problemsOf(events)).toEqual([
    ["refused", 10, "value"],
    ["refused", 11, "endDate"],
  ]);
  expect(findBadSamples(samples, new Date())).toEqual(new Map());
  const keys = (all: readonly MetricSample[]) =>
    all.map((one) => JSON.stringify(toJson(MetricSampleSchema, one))).sort();
  expect(keys((await read(meal.toReversed())).samples)).toEqual(keys(samples));
});

test("what was eaten comes to the same whatever the order of the records, and a repetition changes nothing", () => {
  const food = fc.record({
    kind: fc.constantFrom("hydration", "nutrition_energy"),
    source: fc.constantFrom("a", "b"),
    start: fc.integer({ min: 0, max: 3 }),
    length: fc.integer({ min: 1, max: 5 }),
    offset: fc.constantFrom(60, 120),
    value: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: 0, max: 2_000, noNaN: true })),
    entered: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(food, { maxLength: 40 }), (given) => {
      const foods = given.map(({ length, ...one }, line) => ({ ...one, end: one.start + length, line }));
      const gather = (all: readonly Food[]) => {
        const sums = new FoodSums();
        for (const one of all) expect(sums.add(one)).toBe(true);
        return [...sums.sums()]
          .map(({ line: _, ...sum }) => sum)
          .sort((a, b) =>
            JSON.stringify([a.kind, a.source, a.start]) < JSON.stringify([b.kind, b.source, b.start]) ? -1 : 1,
          );
      };
      const sums = gather(foods);
      expect(gather(foods.toReversed())).toEqual(sums);
      expect(gather([...foods, ...foods])).toEqual(sums);
      const groups = Map.groupBy(foods, ({ kind, source, start }) => `${kind} ${source} ${start}`);
      expect(sums.length).toBe(groups.size);
      for (const { kind, source, start, value } of sums) {
        const values = new Set((groups.get(`${kind} ${source} ${start}`) ?? []).map((one) => one.value));
        expect(value).toBeCloseTo(
          [...values].reduce((sum, one) => sum + one, 0),
          6,
        );
      }
    }),
  );
});

test("other files are told, and sleep and food of a file that is cut are left out, for nights and meals may be", async () => {
  for (const text of ["", "PK\u0003\u0004", "{}", "<html></html>"]) {
    const events = await read(text);
    expect(events, text).toMatchObject([{ type: "broken" }]);
  }
  const night = record({
    ...{ type: "HKCategoryTypeIdentifierSleepAnalysis", value: "HKCategoryValueSleepAnalysisAsleep" },
    ...{ startDate: "2019-09-06 01:00:00 -0400", endDate: "2019-09-06 05:00:00 -0400" },
  });
  expect(samplesOf(await readRecords(night, eaten("70")))).toMatchObject([
    { kind: "nutrition_energy", value: 70 },
    { kind: "sleep_duration", value: 240 },
  ]);
  expect(samplesOf(await read(`<HealthData>${night}${eaten("70")}`))).toEqual([]);
});

test("wherever the text is cut into chunks, the same events come", async () => {
  const bytes = await readFile(fixture);
  const whole = await readFileOf(fixture);
  for (const size of [1_000, 4_097, 64]) {
    async function* chunks() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const events: ImportEvent[] = [];
    for await (const step of readAppleHealth(fixture, "E-1", chunks())) events.push(...step.events);
    expect(events).toEqual(whole);
  }
});

test("devices and apps are told apart, the same one is always the same, and no slug has a person's name", () => {
  const device = (hardware: string, address: string, software: string) =>
    `<<HKDevice: ${address}>, name:X, manufacturer:Apple, model:X, hardware:${hardware}, software:${software}>`;
  const watch = sourceSlug({ sourceName: "Ada’s Apple\u00a0Watch", device: device("Watch6,1", "0x1", "9.0") });
  expect(watch).toBe("apple_health_watch6_1");
  expect(sourceSlug({ sourceName: "Apple Watch von Ada", device: device("Watch6,1", "0x2", "9.1") })).toBe(watch);
  expect(sourceSlug({ sourceName: "Ada's iPhone", device: device("iPhone12,1", "0x1", "17") })).toBe(
    "apple_health_iphone12_1",
  );
  expect(sourceSlug({ sourceName: "Ada's iPhone", device: undefined })).toBe("apple_health_iphone");
  // An app that records with the watch is not the watch.
  expect(sourceSlug({ sourceName: "Strava", device: device("Watch6,1", "0x1", "9.0") })).toBe("apple_health_strava");
  const renamed = sourceSlug({ sourceName: "Ada Lovelace", device: device("iPhone12,1", "0x1", "17") });
  expect(renamed).toMatch(/^apple_health_app_[0-9a-f]{2}$/);
  fc.assert(
    fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), (sourceName, given) => {
      const slug = sourceSlug({ sourceName, device: given });
      expect(slug).toMatch(/^apple_health_[a-z0-9_]+$/);
      expect(slug).toBe(sourceSlug({ sourceName, device: `${given ?? ""} ` }));
    }),
  );
});

const offsets = fc.integer({ min: -840, max: 840 });
const two = (number: number) => String(number).padStart(2, "0");

test("any time is read back as it was written, and nothing else is taken for one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 86_400, max: 4_000_000_000 }), offsets, (seconds, offset) => {
      const local = new Date((seconds + offset * 60) * 1_000).toISOString().slice(0, 19).replace("T", " ");
      const size = Math.abs(offset);
      const text = `${local} ${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
      expect(readAppleTime(text)).toEqual({ seconds, offset: offset + 0 });
    }),
  );
  for (const text of [
    ...["", "2019-09-06", "2019-09-06 09:28:35", "2019-09-06T09:28:35-0400", "2019-09-06 09:28:35 -04:00"],
    ...[
      "2019-02-29 09:28:35 -0400",
      "2019-13-06 09:28:35 -0400",
      "2019-09-06 24:00:00 -0400",
      "2019-09-06 09:60:35 -0400",
    ],
    ...[
      "2019-09-06 09:28:60 -0400",
      "2019-09-06 09:28:35 -1500",
      "1969-12-31 23:59:59 +0000",
      "0016-09-06 09:28:35 -0400",
    ],
  ]) {
    expect(readAppleTime(text), text).toBeUndefined();
  }
});

test("a zone's offset is that of the instant, also where clocks change", () => {
  const at = (iso: string) => Date.parse(iso) / 1_000;
  expect(zoneOffsetMinutes("Europe/Berlin", at("2019-03-31T00:59:59Z"))).toBe(60);
  expect(zoneOffsetMinutes("Europe/Berlin", at("2019-03-31T01:00:00Z"))).toBe(120);
  expect(zoneOffsetMinutes("America/New_York", at("2019-09-06T12:00:00Z"))).toBe(-240);
  expect(zoneOffsetMinutes("Asia/Kathmandu", at("2019-09-06T12:00:00Z"))).toBe(345);
  expect(zoneOffsetMinutes("UTC", 0)).toBe(0);
  for (const zone of ["", "Mars/Base", "+02:00", "x".repeat(1_000)])
    expect(zoneOffsetMinutes(zone, 0), zone).toBeUndefined();
});

test("minutes of sleep that several records cover count once, whatever their order, and never more than passed", () => {
  const piece = fc.record({
    source: fc.constantFrom("a", "b"),
    stage: fc.constantFrom<SleepPiece["stage"]>("asleep", "in bed"),
    start: fc.integer({ min: 0, max: 3 * 1_440 }).map((minute) => 1_567_728_000 + minute * 60),
    length: fc.integer({ min: 1, max: 600 }),
  });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (given) => {
      const pieces = given.map(({ length, ...one }, line) => ({
        ...one,
        end: one.start + length * 60,
        offset: 120,
        line,
      }));
      const gather = (all: readonly SleepPiece[]) => {
        const days = new SleepDays();
        for (const one of all) expect(days.add(one)).toBe(true);
        return days.days().map(({ line: _, ...day }) => day);
      };
      const days = gather(pieces);
      for (const source of ["a", "b"]) {
        for (const stage of ["asleep", "in bed"] as const) {
          const minutes = new Set<number>();
          for (const { start, end } of pieces.filter((one) => one.source === source && one.stage === stage)) {
            for (let at = start; at < end; at += 60) minutes.add(at);
          }
          const found = days
            .filter((day) => day.source === source)
            .map((day) => day[stage === "asleep" ? "asleep" : "inBed"]);
          expect(found.reduce<number>((sum, value) => sum + (value ?? 0), 0)).toBe(minutes.size);
        }
      }
      const sorted = (all: typeof days) => all.toSorted((a, b) => a.day - b.day || (a.source < b.source ? -1 : 1));
      expect(sorted(gather(pieces.toReversed()))).toEqual(sorted(days));
      const keys = days.map(({ source, day }) => `${source} ${day}`);
      expect(new Set(keys).size).toBe(keys.length);
    }),
  );
});

test("each type goes to a kind of the catalogue in a shape that it has, and every unit keeps zero and order", () => {
  const shapes = { instant: 1, interval: 2, day: 3, food: 2 };
  for (const [type, { kind, shape, units }] of recordTypes) {
    expect(kindsBySlug.get(kind)?.shapes, type).toContain(shapes[shape]);
    for (const [unit, convert] of Object.entries(units)) {
      fc.assert(
        fc.property(
          fc.double({ min: 1.001, max: 1e5, noNaN: true }),
          fc.double({ min: 1.01, max: 3, noNaN: true }),
          (value, factor) => {
            expect(convert(value * factor), unit).toBeGreaterThan(convert(value));
            // All but temperatures are proportional.
            if (kind === "body_temperature") return;
            expect(convert(value * factor) / convert(value)).toBeCloseTo(factor, 8);
          },
        ),
        { numRuns: 20 },
      );
    }
  }
});

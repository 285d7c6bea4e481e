import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { civilDate, toMicros } from "../../../src/civil-time.ts";
import { readFhirTime } from "../../../src/importers/fhir/fhir-time.ts";
import { conversionOf, observationCodes } from "../../../src/importers/fhir/observation-codes.ts";
import { readBundle } from "../../../src/importers/fhir/read-bundle.ts";
import { readNdjson } from "../../../src/importers/fhir/read-ndjson.ts";
import { namedSubjects, oneSubject, type Subjects } from "../../../src/importers/fhir/subjects.ts";
import type { ImportEvent, SampleEvent } from "../../../src/importers/import-event.ts";
import { findBadSamples } from "../../../src/importers/sample-violations.ts";
import { kinds, kindsBySlug } from "../../../src/metrics/kinds.ts";

const fixtures = join(import.meta.dirname, "../../fixtures/fhir");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-fhir-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Reading {
  readonly as?: "bundle" | "ndjson";
  readonly employee?: string;
  readonly utcOffset?: number;
  readonly chunks?: AsyncIterable<Buffer>;
}

async function readPath(path: string, { as = "bundle", employee, utcOffset, chunks }: Reading = {}) {
  const subjects = employee === undefined ? namedSubjects() : oneSubject(employee);
  const events: ImportEvent[] = [];
  const read = as === "bundle" ? readBundle : readNdjson;
  for await (const step of read(path, { subjects, utcOffset }, chunks)) events.push(...step.events);
  return events;
}

async function readText(text: string | Buffer, reading: Reading = {}) {
  const path = join(folder, "input");
  await writeFile(path, text);
  return await readPath(path, reading);
}

const read = (resources: readonly unknown[], reading: Reading = {}) =>
  readText(JSON.stringify({ resourceType: "Bundle", entry: resources.map((resource) => ({ resource })) }), reading);

const quantity = (value: number, code: string) => ({ value, system: "http://unitsofmeasure.org", code });

/** A heart rate, unless told otherwise. */
const observation = (over: Record<string, unknown> = {}) => ({
  resourceType: "Observation",
  status: "final",
  code: { coding: [{ system: "http://loinc.org", code: "8867-4" }] },
  subject: { reference: "Patient/ada" },
  effectiveDateTime: "2024-05-01T08:30:00+02:00",
  valueQuantity: quantity(60, "/min"),
  ...over,
});
const ofCode = (code: string, over: Record<string, unknown>) =>
  observation({ code: { coding: [{ system: "http://loinc.org", code }] }, ...over });

const samplesOf = (events: readonly ImportEvent[]) =>
  events.flatMap((event): SampleEvent[] => (event.type === "sample" ? [event] : []));

const briefOf = (events: readonly ImportEvent[]) =>
  samplesOf(events).map(
    ({ externalId, sample: { kind, value, source, startTime, endTime, daily, utcOffsetMinutes } }) => [
      externalId,
      kind,
      value,
      source,
      startTime && new Date(Number(toMicros(startTime) / 1_000n)).toISOString(),
      daily ? "day" : endTime ? Number(endTime.seconds - (startTime?.seconds ?? 0n)) : "instant",
      utcOffsetMinutes,
    ],
  );

const problemsOf = (events: readonly ImportEvent[]) =>
  events.flatMap((event) => {
    if (event.type !== "refused" && event.type !== "broken") return [];
    const { file: _, ...problem } = event.problem;
    return [{ type: event.type, ...problem }];
  });

const passedOver = (events: readonly ImportEvent[]) =>
  events.flatMap((event) => (event.type === "passed over" ? [event.what] : [])).sort();

test("every observation of the sample bundle becomes what it says, in the units of the catalogue", async () => {
  const events = await readPath(join(fixtures, "bundle.json"));
  expect(problemsOf(events)).toEqual([]);
  const at = "2024-05-01T06:30:00.000Z";
  const date = "2024-05-01T00:00:00.000Z";
  expect(new Set(samplesOf(events).map(({ externalId }) => externalId))).toEqual(new Set(["ada"]));
  expect(briefOf(events).map(([, ...rest]) => rest)).toEqual([
    ["blood_pressure_systolic", 118, "fhir", at, "instant", 120],
    ["blood_pressure_diastolic", 76, "fhir", at, "instant", 120],
    ["heart_rate", 62, "fhir", at, "instant", 120],
    ["body_temperature", 37, "fhir", at, "instant", 120],
    ["weight", 68.0388555, expect.stringMatching(/^fhir_device_[0-9a-f]{2}$/), at, "instant", 120],
    ["height", 1.68, "fhir", at, "instant", 120],
    ["oxygen_saturation", 97, "fhir", at, "instant", 120],
    ["respiratory_rate", 14, "fhir", at, "instant", 120],
    ["blood_glucose", 5.49524112119, "fhir", at, "instant", 120],
    ["blood_glucose", 5.6, "fhir", "2024-05-01T10:00:00.250Z", "instant", 120],
    ["body_fat", 23.5, "fhir", at, "instant", 120],
    ["hrv_sdnn", 48, "fhir", at, "instant", 120],
    ["resting_heart_rate", 56, "fhir", date, "day", 0],
    ["steps", 812, expect.stringMatching(/^fhir_device_[0-9a-f]{2}$/), "2024-05-01T06:00:00.000Z", 3_600, 120],
    ["steps", 9_607, "fhir", date, "day", 0],
    ["active_minutes", 30, "fhir", "2024-05-01T15:00:00.000Z", 1_800, 120],
    ["active_energy", 200, "fhir", "2024-05-01T15:00:00.000Z", 1_800, 120],
    ["sleep_duration", 450, "fhir", "2024-04-30T21:00:00.000Z", 27_900, 120],
    ["nutrition_energy", 2_100, "fhir", date, "day", 0],
    ["heart_rate", 64, "fhir", at, "instant", 120],
  ]);
  expect(
    findBadSamples(
      samplesOf(events).map(({ sample }) => sample),
      new Date(),
    ),
  ).toEqual(new Map());
  expect(passedOver(events)).toEqual([
    "Condition",
    "Device",
    "Observation entered-in-error",
    "Observation of LOINC 39156-5",
    "Observation without a value, which says why",
    "Patient",
    "component of LOINC 8478-0",
  ]);
  const versions = samplesOf(events)
    .filter(({ sample }) => sample.kind === "heart_rate")
    .map(({ sample }) => sample.version);
  expect(versions).toEqual([BigInt(Date.UTC(2024, 4, 1, 7)), BigInt(Date.UTC(2024, 4, 1, 8))]);
});

test("a bulk export is read line by line, each person by identifier or reference, times by UTC by the offset that is given", async () => {
  const path = join(fixtures, "observations.ndjson");
  const events = await readPath(path, { as: "ndjson", utcOffset: -300 });
  expect(briefOf(events)).toEqual([
    ["grace", "heart_rate", 58, "fhir", "2024-05-03T07:00:00.000Z", "instant", -300],
    ["grace", "weight", 61.2, "fhir", "2024-05-03T07:01:00.000Z", "instant", -300],
    ["ada", "steps", 7_021, "fhir", "2024-05-03T00:00:00.000Z", "day", 0],
    ["ada", "hydration", 2_100, "fhir", "2024-05-03T00:00:00.000Z", "day", 0],
  ]);
  expect(samplesOf(events)[3]?.place).toEqual({ file: path, line: 5 });
  expect(passedOver(events)).toEqual(["Encounter"]);
  // A date is the same one by every clock.
  expect(briefOf(await readPath(path, { as: "ndjson" })).slice(2)).toEqual(briefOf(events).slice(2));
});

test("what cannot be taken is refused at its path with its field and without its value, and the rest is read", async () => {
  const period = (start: string, end?: string) => ({ effectiveDateTime: undefined, effectivePeriod: { start, end } });
  const cases: [field: string, resource: unknown][] = [
    ["valueQuantity.code", observation({ valueQuantity: quantity(61, "furlong") })],
    ["valueQuantity.code", observation({ valueQuantity: quantity(61, "constructor") })],
    ["valueQuantity.code", observation({ valueQuantity: { value: 61 } })],
    ["valueQuantity.system", observation({ valueQuantity: { ...quantity(61, "/min"), system: "http://example.org" } })],
    ["valueQuantity.comparator", observation({ valueQuantity: { ...quantity(61, "/min"), comparator: "<" } })],
    ["valueQuantity.value", observation({ valueQuantity: { ...quantity(61, "/min"), value: "61" } })],
    ["valueQuantity", observation({ valueQuantity: undefined })],
    ["valueQuantity", observation({ valueQuantity: undefined, valueInteger: 61 })],
    ["status", observation({ status: "done" })],
    ["effectiveDateTime", observation({ effectiveDateTime: undefined })],
    ["effectiveDateTime", observation({ effectiveDateTime: "2024-05-01T08:30:00" })],
    ["effectiveDateTime", observation({ effectiveDateTime: "2024-05-01" })],
    ["effectiveDateTime", observation({ effectiveDateTime: "2024-05" })],
    ["effectiveDateTime", ofCode("55423-8", { valueQuantity: quantity(9, "1") })],
    [
      "effectivePeriod.end",
      ofCode("55423-8", { ...period("2024-05-01T08:30:00+02:00"), valueQuantity: quantity(9, "1") }),
    ],
    [
      "effectivePeriod.end",
      ofCode("55423-8", { ...period("2024-05-01", "2024-05-02"), valueQuantity: quantity(9, "1") }),
    ],
    ["effectiveDateTime", ofCode("41950-7", { effectiveDateTime: "2024-05", valueQuantity: quantity(9, "/d") })],
    ["subject", observation({ subject: undefined })],
    ["subject", observation({ subject: { reference: "Group/7" } })],
    ["subject", observation({ subject: { display: "Ada Lovelace" } })],
    [
      "component[1].valueQuantity.code",
      ofCode("85354-9", {
        valueQuantity: undefined,
        component: [
          {
            code: { coding: [{ system: "http://loinc.org", code: "8480-6" }] },
            valueQuantity: quantity(118, "mm[Hg]"),
          },
          { code: { coding: [{ system: "http://loinc.org", code: "8462-4" }] }, valueQuantity: quantity(76, "bar") },
        ],
      }),
    ],
    ["resourceType", { id: "x" }],
    ["resourceType", "Ada"],
  ];
  const events = await read([
    ...cases.map(([, resource]) => resource),
    observation({ valueQuantity: quantity(62, "/min") }),
  ]);
  const problems = problemsOf(events);
  expect(problems.map(({ path, field }) => [path, field])).toEqual(
    cases.map(([field], index) => [`entry[${index}].resource`, field]),
  );
  expect(problems[0]?.problem).toBe("must be a UCUM code that is known for heart_rate: /min, 1/min, /s, /h");
  expect(JSON.stringify(problems)).not.toMatch(/furlong|61|Ada|Group/);
  expect(samplesOf(events).map(({ sample }) => sample.value)).toEqual([118, 62]);
});

test("a period of a whole day is a day, also where clocks change, and any other is an interval", async () => {
  const of = (start: string, end: string) =>
    ofCode("55423-8", {
      ...{ effectiveDateTime: undefined, effectivePeriod: { start, end } },
      valueQuantity: quantity(9, "1"),
    });
  const events = await read([
    of("2024-05-01T00:00:00+02:00", "2024-05-02T00:00:00+02:00"),
    of("2024-05-01T00:00:00+02:00", "2024-05-01T23:59:59.999+02:00"),
    of("2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"),
    of("2024-10-27T00:00:00+02:00", "2024-10-27T23:59:59+01:00"),
    of("2024-05-01T00:00:00+02:00", "2024-05-01T23:00:00+02:00"),
    of("2024-05-01T01:00:00+02:00", "2024-05-02T01:00:00+02:00"),
  ]);
  expect(samplesOf(events).map(({ sample: { daily, endTime } }) => [daily, endTime !== undefined])).toEqual([
    [true, false],
    [true, false],
    [true, false],
    [true, false],
    [false, true],
    [false, true],
  ]);
  const samples = samplesOf(events).map(({ sample }) => sample);
  expect(findBadSamples(samples, new Date())).toEqual(new Map());
});

test("a night is of the day of waking by the offset where one wakes, and what is walked of that where one begins", async () => {
  // A flight from New York to Berlin, where it is the morning of 2 May when it is still 1 May where it began.
  const effectivePeriod = { start: "2024-05-01T19:00:00-04:00", end: "2024-05-02T05:30:00+02:00" };
  const period = { effectiveDateTime: undefined, effectivePeriod };
  const events = await read([
    ofCode("93832-4", { ...period, valueQuantity: quantity(4, "h") }),
    ofCode("55423-8", { ...period, valueQuantity: quantity(9, "1") }),
    // An end by UTC does not say by which clock it is: it is that of the start.
    ofCode("93832-4", {
      effectiveDateTime: undefined,
      effectivePeriod: { start: "2024-05-01T22:00:00-04:00", end: "2024-05-02T02:30:00Z" },
      valueQuantity: quantity(30, "min"),
    }),
  ]);
  const days = samplesOf(events).map(({ sample: { kind, utcOffsetMinutes, startTime, endTime } }) => {
    const time = kind === "sleep_duration" ? endTime : startTime;
    return [kind, utcOffsetMinutes, time && civilDate(time, utcOffsetMinutes ?? 0)];
  });
  expect(days).toEqual([
    ["sleep_duration", 120, "2024-05-02"],
    ["steps", -240, "2024-05-01"],
    ["sleep_duration", -240, "2024-05-01"],
  ]);
});

test("a day is the same one by whatever offset it is written, and not counted twice", async () => {
  const steps = (time: Record<string, unknown>, code = "55423-8") =>
    ofCode(code, { effectiveDateTime: undefined, valueQuantity: quantity(9, "1"), ...time });
  const period = (start: string, end: string) => ({ effectivePeriod: { start, end } });
  const events = await read([
    steps({ effectiveDateTime: "2024-05-01" }),
    steps(period("2024-05-01", "2024-05-01")),
    steps(period("2024-05-01T00:00:00+02:00", "2024-05-02T00:00:00+02:00")),
    steps(period("2024-05-01T00:00:00-05:00", "2024-05-01T23:59:59-05:00")),
    steps({ effectiveDateTime: "2024-05-01T21:00:00-05:00" }, "41950-7"),
    steps({ effectiveDateTime: "2024-05-01T01:00:00+05:45" }, "41950-7"),
  ]);
  const start = { seconds: BigInt(Date.UTC(2024, 4, 1) / 1_000), nanos: 0 };
  expect(samplesOf(events).map(({ sample }) => sample)).toEqual(
    Array.from(
      { length: 6 },
      () => expect.objectContaining({ startTime: expect.objectContaining(start) as object, daily: true }) as object,
    ),
  );
  expect(
    findBadSamples(
      samplesOf(events).map(({ sample }) => sample),
      new Date(),
    ),
  ).toEqual(new Map());
});

test("with --employee all of it is that person's, and another person in the file is refused", async () => {
  const events = await read(
    [
      observation({ subject: { reference: "Patient/x" } }),
      observation({ subject: undefined }),
      observation({ subject: { reference: "Patient/y" } }),
      observation({ subject: { reference: "https://example.org/fhir/Patient/x" } }),
    ],
    { employee: "E-1" },
  );
  expect(samplesOf(events).map(({ externalId }) => externalId)).toEqual(["E-1", "E-1", "E-1"]);
  expect(problemsOf(events)).toMatchObject([{ path: "entry[2].resource", field: "subject" }]);
});

test("codes of other systems, results that do not stand and deletions are passed over, and counted", async () => {
  const events = await readText(
    JSON.stringify({
      resourceType: "Bundle",
      entry: [
        { resource: observation({ code: { coding: [{ system: "urn:own", code: "8867-4" }] } }) },
        { resource: observation({ code: { text: "Heart rate of Ada" } }) },
        ...["registered", "cancelled", "entered-in-error", "unknown"].map((status) => ({
          resource: observation({ status }),
        })),
        { request: { method: "DELETE", url: "Observation/7" } },
      ],
    }),
  );
  expect(passedOver(events)).toEqual([
    "Observation cancelled",
    "Observation entered-in-error",
    "Observation of another code",
    "Observation of another code",
    "Observation registered",
    "Observation unknown",
    "entry without a resource",
  ]);
  expect(samplesOf(events)).toEqual([]);
});

const good = JSON.stringify(observation());
test.each([
  ["nothing", "", 0, undefined],
  ["no JSON", "hello", 0, 1],
  ["cut off", `{"resourceType":"Bundle",\n"entry":[{"resource":${good}},\n{"resource":{`, 1, 3],
  ["a stray comma", `{"resourceType":"Bundle",\n"entry":[{"resource":${good}},\n,{}]}`, 1, 3],
  ["something after it", `{"resourceType":"Bundle","entry":[{"resource":${good}}]}\n\nmore`, 1, 3],
  [
    "an entry without an end",
    `{"resourceType":"Bundle","entry":[{"resource":${good}},\n"${"x".repeat(9_000_000)}"]}`,
    1,
    2,
  ],
  ["another resource", good, 0, undefined],
  ["lines", `${good}\n${good}`, 0, 2],
  ["a list", `[${good}]`, 0, undefined],
  ["an entry that is in no list", `{"resourceType":"Bundle",\n"entry":{"resource":${good}}}`, 0, 2],
  ["no list of entries", `{"resourceType":"Bundle",\n"entry":null}`, 0, 2],
  [
    "deeper than any, for each bracket takes memory",
    `{"resourceType":"Bundle",\n"entry":[{"resource":${good}},\n${"[".repeat(101)}${"]".repeat(101)}]}`,
    1,
    3,
  ],
])(
  "a file that is no Bundle ends reading with where, and what stood before it stays: %s",
  async (_, text, samples, line) => {
    const events = await readText(text);
    expect(samplesOf(events)).toHaveLength(samples);
    const problems = problemsOf(events);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.type).toBe("broken");
    if (line !== undefined) expect(problems[0]?.line).toBe(line);
    expect(problems[0]?.problem).toContain("the file is read no further");
  },
);

test("a defect of the service's own is thrown, and not told as one of the file", async () => {
  const defect = new Error("a defect");
  const subjects: Subjects = {
    find() {
      throw defect;
    },
  };
  const options = { subjects, utcOffset: undefined };
  const path = join(folder, "input");
  for (const [reader, text] of [
    [readBundle, JSON.stringify({ resourceType: "Bundle", entry: [{ resource: observation() }] })],
    [readNdjson, JSON.stringify(observation())],
  ] as const) {
    await writeFile(path, text);
    await expect(Array.fromAsync(reader(path, options))).rejects.toBe(defect);
  }
});

test("a Bundle in a Bundle, or on a line, is refused instead of left out", async () => {
  const inner = { resourceType: "Bundle", entry: [{ resource: observation() }] };
  const problem = "must not be a Bundle: one is imported as a file of its own";
  expect(await read([inner])).toMatchObject([{ type: "refused", problem: { path: "entry[0].resource", problem } }]);
  const line = await readText(JSON.stringify(inner), { as: "ndjson" });
  expect(line).toMatchObject([{ type: "refused", problem: { line: 1, problem } }]);
});

test("a line whose letters cannot be read is refused, for ids of two people could become the same", async () => {
  const line = JSON.stringify(observation({ subject: { identifier: { value: "M\u00fcller" } } }));
  expect(samplesOf(await readText(line, { as: "ndjson" }))).toMatchObject([{ externalId: "M\u00fcller" }]);
  const events = await readText(Buffer.from(`${line}\n`, "latin1"), { as: "ndjson" });
  expect(problemsOf(events)).toEqual([{ type: "refused", line: 1, problem: "is not in UTF-8" }]);
});

test("a bad line of NDJSON is refused by its number, however long it is, and the next one is read", async () => {
  const text = `\uFEFF${good}\r\n\n{"resourceType":\n"${"x".repeat(5_000_000)}"\n[]\n${good}`;
  const events = await readText(text, { as: "ndjson" });
  expect(samplesOf(events).map(({ place }) => place.line)).toEqual([1, 6]);
  expect(problemsOf(events).map(({ line, problem }) => [line, problem])).toEqual([
    [3, "is no JSON"],
    [4, "must be at most 4 MiB long"],
    [5, "must name a resource of FHIR"],
  ]);
});

test("wherever a file is cut into chunks, the same events come", async () => {
  for (const [name, as] of [
    ["bundle.json", "bundle"],
    ["observations.ndjson", "ndjson"],
  ] as const) {
    const path = join(fixtures, name);
    const bytes = await readFile(path);
    const whole = await readPath(path, { as });
    for (const size of [37, 1_000]) {
      async function* chunks() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      expect(await readPath(path, { as, chunks: chunks() })).toEqual(whole);
    }
  }
});

test("whatever stands in an observation, it is taken, refused or passed over, and what is taken has its shape", async () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("2024-05-01", "2024-05-01T08:30:00Z", "Patient/1", "final", "/min", "8867-4"),
  );
  const any = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text);
  const over = fc.dictionary(
    fc.constantFrom(
      "status",
      "code",
      "subject",
      "effectiveDateTime",
      "effectivePeriod",
      "valueQuantity",
      "component",
      "device",
      "meta",
    ),
    any,
  );
  await fc.assert(
    fc.asyncProperty(over, async (given) => {
      const events = await read([observation(given)], { utcOffset: 60 });
      expect(events.length).toBeGreaterThan(0);
      for (const { sample, externalId } of samplesOf(events)) {
        expect(externalId).not.toBe("");
        for (const { field } of findBadSamples([sample], new Date("2100-01-01")).values()) expect(field).toBe("value");
      }
    }),
    { numRuns: 150 },
  );
});

test("any time with an offset is read back as it was written, and nothing less exact is taken for one", () => {
  const two = (number: number) => String(number).padStart(2, "0");
  fc.assert(
    fc.property(
      fc.integer({ min: 86_400, max: 4_000_000_000 }),
      fc.integer({ min: -840, max: 840 }),
      fc.integer({ min: 0, max: 999_999 }),
      (seconds, offset, micros) => {
        const local = new Date((seconds + offset * 60) * 1_000).toISOString().slice(0, 19);
        const size = Math.abs(offset);
        const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
        const time = readFhirTime(`${local}.${String(micros).padStart(6, "0")}${zone}`);
        expect(time).toEqual({ type: "instant", micros: BigInt(seconds) * 1_000_000n + BigInt(micros), offset });
      },
    ),
  );
  expect(readFhirTime("2024-02-29")).toEqual({ type: "date", day: Date.UTC(2024, 1, 29) / 86_400_000 });
  for (const text of [
    ...["", "2024", "2024-05", "2023-02-29", "2024-13-01", "1969-12-31", "2024-05-01T08:30:00", "2024-05-01T08:30Z"],
    ...[
      "2024-05-01T24:00:00Z",
      "2024-05-01T08:60:00Z",
      "2024-05-01T08:30:60Z",
      "2024-05-01T08:30:00+15:00",
      "0024-05-01",
    ],
    ...["2024-05-01 08:30:00Z", "2024-05-01T08:30:00.Z", "2024-05-01T08:30:00+0200"],
  ]) {
    expect(readFhirTime(text), text).toBeUndefined();
  }
});

test("each code goes to a kind of the catalogue, whose own code and unit it knows, and every unit keeps the order", () => {
  for (const [loinc, code] of observationCodes) {
    const kind = kindsBySlug.get(code.kind);
    expect(conversionOf(code, kind?.unit ?? "")?.(1), loinc).toBe(1);
    for (const [unit, convert] of code.units) {
      fc.assert(
        fc.property(
          fc.double({ min: 0.001, max: 1e5, noNaN: true }),
          fc.double({ min: 1.01, max: 3, noNaN: true }),
          (value, factor) => {
            expect(convert(value * factor), unit).toBeGreaterThan(convert(value));
            if (code.kind !== "body_temperature")
              expect(convert(value * factor) / convert(value)).toBeCloseTo(factor, 7);
          },
        ),
        { numRuns: 20 },
      );
    }
  }
  // Total energy shares its code with active energy.
  for (const { loinc, slug } of kinds.filter((kind) => kind.loinc !== "" && kind.slug !== "total_energy")) {
    expect(observationCodes.get(loinc)?.kind, loinc).toBe(slug);
  }
  const steps = observationCodes.get("41950-7");
  if (!steps) throw new Error("steps of a day are not known");
  for (const unit of ["{steps}", "1", "/d", "1/d", "{steps}/d", "1/(24.h)", "{steps}/(24.h)"]) {
    expect(conversionOf(steps, unit)?.(7), unit).toBe(7);
  }
  for (const unit of ["", "/h", "/min", "{steps}/wk", "km/d"]) expect(conversionOf(steps, unit), unit).toBeUndefined();
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toMicros } from "../../src/civil-time.ts";
import { type MetricSample, RecordingMethod } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { readFitabase, readFitabaseEvents, readFitabaseFile } from "../../src/importers/fitabase.ts";
import { fitabaseFiles } from "../../src/importers/fitabase-files.ts";
import type { BadRow } from "../../src/importers/imported-sample.ts";
import { checkSamples } from "../../src/metrics/sample-rules.ts";

const excerpt = join(import.meta.dirname, "../fixtures/fitabase");
const offset = -300;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-fitabase-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Reads a text as the file of that name. */
async function read(name: string, text: string | Buffer, utcOffsetMinutes = offset) {
  const file = fitabaseFiles.find((candidate) => candidate.name.startsWith(name));
  if (!file) throw new Error(`there is no file ${name}`);
  const path = join(folder, file.name);
  await writeFile(path, text);
  const badRows: BadRow[] = [];
  const people: string[] = [];
  const samples: MetricSample[] = [];
  const options = { utcOffsetMinutes, onBadRow: (row: BadRow) => badRows.push(row) };
  for await (const { externalId, sample } of readFitabaseFile(path, file, options)) {
    people.push(externalId);
    samples.push(sample);
  }
  return { path, badRows, people, samples };
}

/** What a sample says, short. */
function brief(sample: MetricSample) {
  const at = (time: MetricSample["startTime"]) => time && new Date(Number(toMicros(time) / 1_000n)).toISOString();
  const end = at(sample.endTime);
  return [sample.kind, at(sample.startTime), ...(end ? [end] : []), sample.value, ...(sample.daily ? ["daily"] : [])];
}

const sleepHeader = "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed";
const weightHeader = "Id,Date,WeightKg,WeightPounds,Fat,BMI,IsManualReport,LogId";

describe("Fitabase files", () => {
  it("makes a day of activity five daily samples, in metres and minutes", async () => {
    const { samples, people, badRows } = await read(
      "dailyActivity",
      "Id,ActivityDate,TotalSteps,TotalDistance,TrackerDistance,LoggedActivitiesDistance,VeryActiveDistance," +
        "ModeratelyActiveDistance,LightActiveDistance,SedentaryActiveDistance,VeryActiveMinutes,FairlyActiveMinutes," +
        "LightlyActiveMinutes,SedentaryMinutes,Calories\r\n" +
        "1503960366,4/12/2016,13162,8.5,8.5,0,1.879999995,0.550000012,6.059999943,0,25,13,328,728,1985\r\n",
    );
    const start = "2016-04-12T05:00:00.000Z";
    expect(badRows).toEqual([]);
    expect(new Set(people)).toEqual(new Set(["1503960366"]));
    expect(samples.map(brief)).toEqual([
      ["steps", start, 13_162, "daily"],
      ["distance", start, 8_500, "daily"],
      ["active_minutes", start, 366, "daily"],
      ["sedentary_minutes", start, 728, "daily"],
      ["total_energy", start, 1_985, "daily"],
    ]);
    expect(samples.every((sample) => sample.source === "fitbit" && sample.version === 1n)).toBe(true);
    expect(samples.every((sample) => sample.utcOffsetMinutes === offset)).toBe(true);
  });

  it("makes an hour of steps an interval", async () => {
    const { samples } = await read(
      "hourlySteps",
      "Id,ActivityHour,Time,StepTotal\n1503960366,3/12/2016 0:00,12:00:00 AM,42\n1503960366,3/12/2016 23:00,x,7\n",
      330,
    );
    expect(samples.map(brief)).toEqual([
      ["steps", "2016-03-11T18:30:00.000Z", "2016-03-11T19:30:00.000Z", 42],
      ["steps", "2016-03-12T17:30:00.000Z", "2016-03-12T18:30:00.000Z", 7],
    ]);
  });

  it("makes a night two samples of the day of waking, and a duplicate row two more", async () => {
    const row = "4388161847,5/5/2016 12:00:00 AM,1,471,495";
    const { samples } = await read("sleepDay", `${sleepHeader}\n${row}\n${row}\n`);
    const night = [
      ["sleep_duration", "2016-05-05T05:00:00.000Z", 471, "daily"],
      ["time_in_bed", "2016-05-05T05:00:00.000Z", 495, "daily"],
    ];
    expect(samples.map(brief)).toEqual([...night, ...night]);
  });

  it("reads a weigh-in with and without fat, entered and measured", async () => {
    const { samples } = await read(
      "weightLogInfo",
      `${weightHeader}\n1,5/2/2016 11:59:59 PM,52.6,115.9,22,22.6,True,1\n2,4/13/2016 1:08:52 AM,133.5,294.3,,47.5,False,2\n`,
    );
    expect(samples.map(brief)).toEqual([
      ["weight", "2016-05-03T04:59:59.000Z", 52.6],
      ["body_fat", "2016-05-03T04:59:59.000Z", 22],
      ["weight", "2016-04-13T06:08:52.000Z", 133.5],
    ]);
    expect(samples.map((sample) => sample.recordingMethod)).toEqual([
      RecordingMethod.MANUAL,
      RecordingMethod.MANUAL,
      RecordingMethod.UNSPECIFIED,
    ]);
  });

  it("reads a heart rate at its instant", async () => {
    const { samples } = await read("heartrate", "Id,Time,Value\n2022484408,4/1/2016 12:54:05 PM,93\n");
    expect(samples.map(brief)).toEqual([["heart_rate", "2016-04-01T17:54:05.000Z", 93]]);
  });

  it("finds columns by name, whatever order, ends of line or byte order mark the file has", async () => {
    const { samples, badRows } = await read(
      "heartrate",
      "\ufeffValue, Note,Time,Id\r\n\r\n 93 ,x,4/1/2016 7:54 ,1\n94,,4/1/2016 7:55,1",
    );
    expect(badRows).toEqual([]);
    expect(samples.map((sample) => sample.value)).toEqual([93, 94]);
  });

  it.each([
    ["sleepDay", "Id must be", sleepHeader, "x1,5/5/2016 12:00:00 AM,1,471,495"],
    ["sleepDay", "Id must be", sleepHeader, ",5/5/2016 12:00:00 AM,1,471,495"],
    ["sleepDay", "SleepDay must be a day", sleepHeader, "1,5/32/2016 12:00:00 AM,1,471,495"],
    ["sleepDay", "SleepDay must be a day", sleepHeader, "1,5/5/2016 1:00:00 AM,1,471,495"],
    ["sleepDay", "before 1970", sleepHeader, "1,1/1/1969,1,471,495"],
    ["sleepDay", "TotalMinutesAsleep must be a number", sleepHeader, "1,5/5/2016 12:00:00 AM,1,,495"],
    ["sleepDay", "TotalMinutesAsleep must be a number", sleepHeader, "1,5/5/2016 12:00:00 AM,1,-3,495"],
    ["sleepDay", "TotalMinutesAsleep must be a number", sleepHeader, "1,5/5/2016 12:00:00 AM,1,0x10,495"],
    ["sleepDay", "TotalMinutesAsleep must be a number", sleepHeader, "1,5/5/2016 12:00:00 AM,1,9e999,495"],
    ["sleepDay", "TotalMinutesAsleep must come to 0 to 1440 min", sleepHeader, "1,5/5/2016 12:00:00 AM,1,1441,495"],
    ["sleepDay", "must have 5 fields", sleepHeader, "1,5/5/2016 12:00:00 AM,1,471"],
    ["sleepDay", "must have 5 fields", sleepHeader, "1,5/5/2016 12:00:00 AM,1,471,495,6"],
    ["sleepDay", "SleepDay must be a day", sleepHeader, '1,"5/5/2016 12:00:00 AM,1,471,495'],
    ["hourlySteps", "ActivityHour must be a full hour", "Id,ActivityHour,StepTotal", "1,3/12/2016 0:30,5"],
    ["weightLogInfo", "IsManualReport must be True or False", weightHeader, "1,5/2/2016,52.6,1,22,22.6,yes,1"],
    ["weightLogInfo", "Fat must come to 0 to 100 %", weightHeader, "1,5/2/2016,52.6,1,101,22.6,True,1"],
    ["heartrate", "Value must come to 1 to 300 /min", "Id,Time,Value", "1,4/1/2016 7:54:00 AM,0"],
  ])("reports a bad row of %s by file and line and reads on: %s", async (name, problem, header, row) => {
    const good: Record<string, string> = {
      sleepDay: "7,5/5/2016 12:00:00 AM,1,471,495",
      hourlySteps: "7,3/12/2016 1:00,5",
      weightLogInfo: "7,5/2/2016,52.6,1,22,22.6,True,1",
      heartrate: "7,4/1/2016 7:54:00 AM,60",
    };
    const { path, badRows, people } = await read(name, `${header}\n${good[name]}\n\n${row}\n${good[name]}\n`);
    // Line 3 is empty: it counts, but is no row.
    expect(badRows).toEqual([{ file: path, line: 4, problem: expect.stringContaining(problem) }]);
    expect(new Set(people)).toEqual(new Set(["7"]));
    expect(people).toHaveLength(["heartrate", "hourlySteps"].includes(name) ? 2 : 4);
  });

  it("never repeats the value of a bad row", async () => {
    const { badRows } = await read(
      "heartrate",
      "Id,Time,Value\n1,4/1/2016,999123\n1,4/1/2016,secret\nsecret,4/1/2016,1\n",
    );
    expect(badRows).toHaveLength(3);
    expect(JSON.stringify(badRows.map((row) => row.problem))).not.toMatch(/999123|secret/);
  });

  it.each([
    ["an empty file", "", 1, "Id, Time, Value"],
    ["a header line of something else", "a,b\n1,2\n", 1, "Id, Time, Value"],
    ["a header line that lacks a column", "Id,Time\n1,4/1/2016\n", 1, "must name Value"],
  ])("reports %s", async (_, text, line, problem) => {
    const { path, badRows, samples } = await read("heartrate", text);
    expect(badRows).toEqual([{ file: path, line, problem: expect.stringContaining(problem) }]);
    expect(samples).toEqual([]);
  });

  it("gives up on a file whose line does not end, and says where", async () => {
    const { path, badRows, samples } = await read(
      "heartrate",
      `Id,Time,Value\n1,4/1/2016,60\n${"9".repeat(20_000)}\n1,4/2/2016,60\n`,
    );
    expect(badRows).toEqual([{ file: path, line: 3, problem: expect.stringContaining("read no further") }]);
    expect(samples).toHaveLength(1);
  });

  it("gives every row that stands before a line that does not end", async () => {
    const rows = Array.from(
      { length: 3_000 },
      (_, day) => `1,${new Date(day * 86_400_000).toLocaleDateString("en-US", { timeZone: "UTC" })},1,327,346`,
    );
    const { samples, badRows } = await read(
      "sleepDay",
      [sleepHeader, ...rows.slice(2), "1".repeat(200_000)].join("\n"),
    );
    expect(samples).toHaveLength(2 * 2_998);
    expect(badRows).toMatchObject([{ line: 3_000 }]);
  });

  it("keeps no bad rows back until a good one comes, for a file can be full of them", async () => {
    const path = join(folder, "heartrate_seconds_merged.csv");
    const file = fitabaseFiles.find(({ columns }) => columns.includes("Value"));
    if (!file) throw new Error("there is no such file");
    const rows = Array.from({ length: 20_000 }, (_, index) => (index % 2 === 0 ? "1,13/4/2016,60" : "1,2"));
    await writeFile(path, ["Id,Time,Value", ...rows].join("\n"));
    let most = 0;
    let bytes = 0;
    let refused = 0;
    for await (const step of readFitabaseEvents(new Map([[path, file]]), offset)) {
      most = Math.max(most, step.events.length);
      refused += step.events.filter(({ type }) => type === "refused").length;
      expect(step.bytes).toBeGreaterThanOrEqual(bytes);
      bytes = step.bytes;
    }
    expect(refused).toBe(20_000);
    expect(most).toBe(1);
  });

  it("fails when a file cannot be opened", async () => {
    const reading = readFitabase(join(folder, "nowhere"), { utcOffsetMinutes: offset, onBadRow: () => undefined });
    await expect(reading.next()).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("never lets through what the service would refuse, whatever stands in a row", async () => {
    const junk = fc.oneof(
      fc.constantFrom("", "-1", "NaN", '"', "Infinity", "1e400", "12/31/1969 11:59 PM"),
      fc.string().filter((text) => !/[\r\n]/.test(text)),
    );
    const plausible = (column: string) => {
      if (column === "Id") return fc.nat().map(String);
      if (/Date|Day|Time$|Hour/.test(column) && column !== "TotalTimeInBed") {
        return fc.constantFrom("4/12/2016", "4/12/2016 14:00", "4/12/2016 2:30:05 PM", "1/1/1970", "12/31/1969");
      }
      if (column === "IsManualReport") return fc.constantFrom("True", "False");
      return fc.oneof(fc.nat(2_000).map(String), fc.constantFrom("0", "0.5", "1e3", "1440", "1000000", "1000001"));
    };
    const cellOf = (column: string) =>
      fc.oneof({ weight: 19, arbitrary: plausible(column) }, { weight: 1, arbitrary: junk });
    const file = fc.constantFrom(...fitabaseFiles).chain(({ name, columns }) =>
      fc.array(fc.tuple(...columns.map(cellOf))).map((rows) => ({
        name,
        text: [columns, ...rows].map((row) => row.join(",")).join("\n"),
      })),
    );
    let accepted = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: -840, max: 840 }), async ({ name, text }, utcOffsetMinutes) => {
        const { samples, badRows } = await read(name, text, utcOffsetMinutes);
        accepted += samples.length;
        refused += badRows.length;
        expect(() => checkSamples(samples, new Date("9999-12-31T00:00:00Z"))).not.toThrow();
      }),
    );
    // Both sides of the border were met.
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it("reads the whole excerpt without a bad row", async () => {
    const badRows: BadRow[] = [];
    let count = 0;
    for await (const _ of readFitabase(excerpt, { utcOffsetMinutes: offset, onBadRow: (row) => badRows.push(row) }))
      count++;
    expect(badRows).toEqual([]);
    // 5 a day of activity, 1 an hour, 2 a night, 1 a weigh-in and 2 of fat, 1 a heart rate.
    expect(count).toBe(371 * 5 + 3_400 + 202 * 2 + 67 + 2 + 1_500);
  });
});

import { create, type DescMessage, fromJson, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PinnedClient } from "../../src/database/pinned-client.ts";
import { booleanAt, numberAt, numberOrNullAt, textAt } from "../../src/database/row-reader.ts";
import { type Statement, statement, withRows } from "../../src/database/statement.ts";
import { markValues } from "../../src/database/statement-marks.ts";
import { getEmployee } from "../../src/employees/statements/get-employee.ts";
import { getEmployeeByExternalId } from "../../src/employees/statements/get-employee-by-external-id.ts";
import { listEmployees } from "../../src/employees/statements/list-employees.ts";
import { EmployeeSchema } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { LogEntrySchema, MoodSchema } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { MetricSampleSchema, RecordingMethodSchema } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { getLogEntry } from "../../src/logs/statements/get-log-entry.ts";
import { listLogEntries } from "../../src/logs/statements/list-log-entries.ts";
import { listNewestLogEntries } from "../../src/logs/statements/list-newest-log-entries.ts";
import { kindsByNumber } from "../../src/metrics/kinds.ts";
import { listSamples } from "../../src/metrics/statements/list-samples.ts";
import { exportLogEntries } from "../../src/privacy/statements/export-log-entries.ts";
import { exportSamples } from "../../src/privacy/statements/export-samples.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
let client: pg.Client;
let employeeId: string;
beforeAll(async () => {
  plane = await openPinnedPlane(1);
  const { vault } = await plane.provision("read");
  client = new PinnedClient(plane.database.url) as unknown as pg.Client;
  await client.connect();
  await client.query(`set search_path = ${vault}`);
  for (const text of [
    `insert into employees (employee_no, employee_id, external_id, display_name, team, location, time_zone)
       values (1, gen_random_uuid(), 'e-1', 'Zoë 🌱 "quoted"', '', 'Zürich', 'Europe/Zurich')`,
    `insert into log_entries (employee_no, entry_id, type, start_time, end_time, utc_offset_minutes, source, version,
         note, detail)
       select 1, 'entry-' || n, 1, timestamptz '1999-12-31 23:59:59.999999+00' + n * interval '100 days 0.000001 second',
         case when n % 2 = 0 then now() end, n * 37 - 720, 'app', 9007199254740993 + n, repeat('ä\n', n),
         jsonb_build_object('valence', n / 7.0, 'labels', jsonb_build_array('a', 'ü'), 'deep', jsonb_build_object('n', null))
       from generate_series(1, 40) as n`,
    "update log_entries set delete_time = now(), note = '', detail = '{}' where entry_id = 'entry-7'",
    "insert into sample_sources values (1, 'watch', false), (2, 'scale', true)",
    `insert into samples (employee_no, kind, start_time, source_no, end_seconds, utc_offset_minutes, value, version,
         recording_method, record_time)
       select 1, 1, timestamptz '2026-02-28 12:00:00.000001+00' + n * interval '1 minute', 1 + n % 2, n * 60, -90,
         case n when 1 then 1e-300 when 2 then -0.1 when 3 then 123456789.123456789 else n / 3.0 end, 4611686018427387904 + n,
         n % 3, now()
       from generate_series(1, 30) as n`,
  ]) {
    await client.query(text);
  }
  const { rows } = await client.query<{ employee_id: string }>("select employee_id from employees");
  employeeId = rows[0]?.employee_id ?? "";
});
afterAll(async () => {
  await client.end();
  await plane.close();
});

type Columns = Readonly<Record<string, unknown>>;

/** The rows of a statement as its reader reads them, or by their columns' types. */
async function rowsOf(
  { text, isLiteral, rows }: Statement<never, object>,
  values: readonly unknown[],
  byReader: boolean,
): Promise<Columns[]> {
  const marks = { isLast: false, isLiteral, ...(byReader ? { rows } : {}) };
  const result = await client.query(text, markValues(values, marks) as unknown[]);
  return result.rows as Columns[];
}

// What the columns say, by their types, in the JSON form of the message that a reader makes of them.

function timeJson(epoch: unknown): JsonValue {
  const micros = BigInt(Math.round(Number(epoch) * 1e6));
  const seconds = micros / 1_000_000n;
  return toJson(TimestampSchema, create(TimestampSchema, { seconds, nanos: Number(micros % 1_000_000n) * 1_000 }));
}

function dayJson(epoch: unknown, offset: unknown): string {
  return new Date((Number(epoch) + Number(offset) * 60) * 1_000).toISOString().slice(0, 10);
}

const expected: Readonly<Record<"employee" | "entry" | "sample", (row: Columns) => Columns>> = {
  employee: (row: Columns) => ({
    employeeId: row["employee_id"],
    externalId: row["external_id"],
    displayName: row["display_name"],
    team: row["team"],
    location: row["location"],
    timeZone: row["time_zone"],
    state: "EMPLOYEE_STATE_ACTIVE",
    etag: `r${row["revision"]}`,
    createTime: timeJson(row["create_epoch"]),
    updateTime: timeJson(row["update_epoch"]),
  }),
  entry: (row: Columns) => ({
    entryId: row["entry_id"],
    startTime: timeJson(row["start_epoch"]),
    ...(row["end_epoch"] === null ? {} : { endTime: timeJson(row["end_epoch"]) }),
    utcOffsetMinutes: row["utc_offset_minutes"],
    source: row["source"],
    version: row["version"],
    note: row["note"],
    mood: toJson(MoodSchema, fromJson(MoodSchema, row["detail"] as JsonValue, { ignoreUnknownFields: true }), implicit),
    civilDate: dayJson(row["start_epoch"], row["utc_offset_minutes"]),
    createTime: timeJson(row["create_epoch"]),
    updateTime: timeJson(row["update_epoch"]),
  }),
  sample: (row: Columns) => ({
    kind: kindsByNumber.get(Number(row["kind"]))?.slug,
    startTime: timeJson(row["start_epoch"]),
    endTime: timeJson(Number(row["start_epoch"]) + Number(row["end_seconds"])),
    utcOffsetMinutes: row["utc_offset_minutes"],
    value: row["value"],
    source: row["slug"],
    daily: row["daily"],
    version: row["version"],
    recordingMethod: RecordingMethodSchema.values.find(({ number }) => number === row["recording_method"])?.name,
    civilDate: dayJson(row["start_epoch"], row["utc_offset_minutes"]),
    recordTime: timeJson(row["record_epoch"]),
  }),
};
const implicit = { alwaysEmitImplicit: true };
const schemas = { employee: EmployeeSchema, entry: LogEntrySchema, sample: MetricSampleSchema };

const everything = ["-infinity", "infinity", "infinity", "", 100] as const;
test.each<[string, keyof typeof schemas, unknown, () => readonly unknown[], number]>([
  ["getEmployee", "employee", getEmployee, () => [employeeId], 1],
  ["getEmployeeByExternalId", "employee", getEmployeeByExternalId, () => ["e-1"], 1],
  ["listEmployees", "employee", listEmployees, () => [0, 10, null, null], 1],
  ["getLogEntry", "entry", getLogEntry, () => [employeeId, "entry-2"], 1],
  ["listLogEntries", "entry", listLogEntries, () => [employeeId, [], ...everything], 39],
  ["listNewestLogEntries", "entry", listNewestLogEntries, () => [employeeId, 20], 20],
  ["exportLogEntries", "entry", exportLogEntries, () => [employeeId, "", 100], 39],
  ["listSamples", "sample", listSamples, () => [employeeId, [1], null, null, null, null, null, null, 100], 30],
  ["exportSamples", "sample", exportSamples, () => [employeeId, 0, 0, "-infinity", 100], 30],
])("%s: the %s that its reader makes says what the columns' types say", async (_, field, declared, values, count) => {
  const read = declared as Statement<never, object>;
  expect(read.rows).toBeDefined();
  const byReader = await rowsOf(read, values(), true);
  const byType = await rowsOf(read, values(), false);
  expect(byType).toHaveLength(count);
  const messages = byReader.map((row) => toJson(schemas[field] as DescMessage, row[field] as Message, implicit));
  expect(messages).toEqual(byType.map((row) => expected[field](row)));
  for (const [index, row] of byReader.entries()) {
    const { [field]: _message, detailLength, ...rest } = row;
    // What a row says beside the message is what the column of that name says.
    expect(byType[index]).toMatchObject(rest);
    if (field === "entry") expect(detailLength).toBeGreaterThan(0);
  }
});

test("of a tombstone the version is read and nothing else, so its type may be one that is not known here", async () => {
  await client.query("update log_entries set type = 99 where entry_id in ('entry-7', 'entry-8')");
  try {
    expect(await rowsOf(getLogEntry as never, [employeeId, "entry-7"], true)).toEqual([
      { deleted: true, version: 9_007_199_254_741_000n },
    ]);
    // The control.
    await expect(rowsOf(getLogEntry as never, [employeeId, "entry-8"], true)).rejects.toThrow("unknown type 99");
  } finally {
    await client.query("update log_entries set type = 1");
  }
});

test("the length of a detail is that of its text", async () => {
  const [row] = await rowsOf(getLogEntry as never, [employeeId, "entry-2"], true);
  const { rows } = await client.query<{ length: number }>(
    "select length(detail::text) as length from log_entries where entry_id = 'entry-2'",
  );
  expect(row?.["detailLength"]).toBe(rows[0]?.length);
});

test("a statement that returns other columns than its reader expects is refused, and nothing of it is read", async () => {
  const ran: string[] = [];
  const rows = { columns: ["a", "b"], read: () => ran.push("read") };
  const marks = { isLast: false, isLiteral: true, rows };
  for (const text of ["select 1 as b, 2 as a", "select 1 as a", "select 1 as a, 2 as b, 3 as c"]) {
    await expect(client.query(text, markValues([], marks) as unknown[])).rejects.toThrow("other columns than a, b");
  }
  expect(ran).toEqual([]);
  // The control, and the connection is as good as before.
  await client.query("select 1 as a, 2 as b", markValues([], marks) as unknown[]);
  expect(ran).toEqual(["read"]);
});

test("a null where there may be none fails the statement instead of passing for a value", async () => {
  const read = (texts: readonly (string | null)[]) => ({ a: numberAt(texts, 0) });
  const marks = { isLast: false, isLiteral: true, rows: { columns: ["a"], read } };
  const run = async (text: string) => (await client.query(text, markValues([], marks) as unknown[])).rows as unknown[];
  await expect(run("select null::int as a")).rejects.toThrow("column 1 is null");
  expect(await run("select 1 as a")).toEqual([{ a: 1 }]);
  expect(() => textAt([null], 0)).toThrow();
  expect(() => booleanAt([], 0)).toThrow();
  expect(numberOrNullAt([null], 0)).toBeNull();
});

test("a statement that may write has no reader, for it would be committed when the reader fails", () => {
  const rows = { columns: ["a"], read: () => ({ a: 1 }) };
  expect(() => withRows(rows, statement<[], { a: number }>`delete from employees returning 1 as a`)).toThrow("writes");
  expect(withRows(rows, statement<[], { a: number }>`select 1 as a`).rows).toBe(rows);
});

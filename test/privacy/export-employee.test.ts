import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { ExportRecordType } from "../../src/gen/wellvault/v1/employee_export_pb.ts";
import { EmployeeSchema, EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { LogEntrySchema } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { MetricSampleSchema } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { roles } from "../../src/identity/principal.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { expectQuiet } from "../support/locks.ts";
import { logEntry, monday, sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { readWhole } from "./export.ts";

const { EMPLOYEE, LOG_ENTRY, DELETED_LOG_ENTRY, SAMPLE, DELETED_SAMPLE, SAMPLE_DAY } = ExportRecordType;

let service: TestService;
let tenant: string;
let vault: string;
let employeeId: string;
let own: ReturnType<typeof as>;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
  const { rows } = await service.database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenant],
  );
  vault = rows[0]?.vault ?? "";
});
beforeEach(async () => {
  employeeId = await service.hire(tenant);
  own = as("employee", tenant, employeeId);
});
afterAll(() => service.close());

const exported = (id = employeeId, caller = own) => service.clients.privacy.exportEmployee({ employeeId: id }, caller);

/** Gives an employee samples, straight into the table. */
async function fill(id: string, samples: number): Promise<void> {
  const { clients, database } = service;
  await clients.metrics.putSamples({ employeeId: id, samples: [sample()] }, as("ingest_service", tenant));
  await database.admin.query(
    `insert into ${vault}.samples (
       employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
     )
     select employee_no, 11, timestamptz '2020-01-01Z' + n * interval '1 minute', 1, 1, 60, 0, 0, 0
     from ${vault}.employees, generate_series(1, $2) as n where employee_id = $1`,
    [id, samples],
  );
}

test("it holds all that is kept of the person as the API shows it, and nothing of anybody else", async () => {
  const { clients } = service;
  const other = await service.hire(tenant, "COLLEAGUE-1");
  for (const [id, caller] of [
    [employeeId, own],
    [other, as("employee", tenant, other)],
  ] as const) {
    const notes = ['line\nbreak \u2028 "quoted" 🧘 \\', id];
    for (const [n, note] of notes.entries()) {
      await clients.logs.putLogEntry({ employeeId: id, entry: logEntry({ entryId: `e-${n}`, note }) }, caller);
    }
    await clients.logs.putLogEntry({ employeeId: id, entry: logEntry({ entryId: "gone", version: 7n }) }, caller);
    await clients.logs.deleteLogEntry({ employeeId: id, entryId: "gone" }, caller);
    const samples = [
      sample({ value: 60.1, startTime: fromMicros(monday + 1n) }),
      sample({ value: 61, source: "ring", version: 9n, utcOffsetMinutes: 330 }),
      sample({ kind: "steps", endTime: fromMicros(monday + 60_000_000n), value: 12 }),
      sample({ kind: "resting_heart_rate", daily: true, startTime: fromMicros(monday - (monday % 86_400_000_000n)) }),
    ];
    const gone = sample({ kind: "weight", utcOffsetMinutes: 60, version: 3n });
    await clients.metrics.putSamples({ employeeId: id, samples: [...samples, gone] }, caller);
    const value = { keys: [sampleKey(gone)] };
    await clients.metrics.deleteSamples({ employeeId: id, selection: { case: "keys", value } }, caller);
  }
  const { manifest, records } = await readWhole(exported());
  const { employee } = await clients.employees.getEmployee({ key: { case: "employeeId", value: employeeId } }, own);
  const { entries } = await clients.logs.listLogEntries({ employeeId }, own);
  const { samples } = await clients.metrics.listSamples({ employeeId }, own);
  const text = (values: readonly JsonValue[]) => values.map((value) => JSON.stringify(value)).sort();
  if (!employee) throw new Error("no employee was returned");
  expect(records(EMPLOYEE)).toEqual([toJson(EmployeeSchema, employee)]);
  expect(text(records(LOG_ENTRY) as JsonValue[])).toEqual(text(entries.map((entry) => toJson(LogEntrySchema, entry))));
  expect(text(records(SAMPLE) as JsonValue[])).toEqual(text(samples.map((one) => toJson(MetricSampleSchema, one))));
  expect(records(DELETED_LOG_ENTRY)).toEqual([
    { entryId: "gone", version: "7", deleteTime: expect.any(String) as unknown },
  ]);
  expect(records(DELETED_SAMPLE)).toEqual([
    {
      kind: "weight",
      startTime: "2026-01-05T08:00:00Z",
      utcOffsetMinutes: 60,
      source: "watch",
      version: "3",
      deleteTime: expect.any(String) as unknown,
    },
  ]);
  expect([entries.length, samples.length]).toEqual([2, 4]);
  const { tenants } = await clients.tenants.listTenants({}, as("auditor"));
  expect(manifest).toMatchObject({
    formatVersion: 1,
    tenantId: tenant,
    employeeId,
    schemaVersion: tenants.find(({ tenantId }) => tenantId === tenant)?.schemaVersion,
    files: [
      { recordType: EMPLOYEE, recordCount: 1n },
      { recordType: LOG_ENTRY, recordCount: 2n },
      { recordType: DELETED_LOG_ENTRY, recordCount: 1n },
      { recordType: SAMPLE, recordCount: 4n },
      { recordType: DELETED_SAMPLE, recordCount: 1n },
      { recordType: SAMPLE_DAY, recordCount: 0n },
    ],
  });
});

test("every table that has rows of a person is in it, or is known to be made of what is", async () => {
  const { rows } = await service.database.admin.query<{ name: string }>(
    `select table_name as name from information_schema.columns
     where table_schema = $1 and column_name = 'employee_no' order by 1`,
    [vault],
  );
  expect(rows.map(({ name }) => name)).toEqual(["employees", "log_entries", "sample_days", "samples"]);
});

test("what days came to whose samples were purged is in it, and of no other days", async () => {
  const { clients } = service;
  const at = (date: string) => fromMicros(BigInt(Date.parse(`${date}T08:00:00Z`)) * 1_000n);
  const samples = ["2020-03-01", "2020-03-02", "2026-01-05"].map((date) => sample({ startTime: at(date), value: 61 }));
  await clients.metrics.putSamples({ employeeId, samples }, own);
  for await (const _ of clients.tenants.purgeExpired({ tenantId: tenant }, as("platform_operator")));
  const { manifest, records } = await readWhole(exported());
  const day = { kind: "heart_rate", source: "watch", count: 1, sum: 61, minimum: 61, maximum: 61, last: 61 };
  expect(records(SAMPLE_DAY)).toEqual([
    { ...day, civilDate: "2020-03-01", lastTime: "2020-03-01T08:00:00Z" },
    { ...day, civilDate: "2020-03-02", lastTime: "2020-03-02T08:00:00Z" },
  ]);
  expect(manifest.files.map(({ recordCount }) => recordCount)).toEqual([1n, 0n, 0n, 1n, 0n, 2n]);
});

test("one without data has an employee and five empty files", async () => {
  const { manifest, sizes } = await readWhole(exported());
  expect(manifest.files.map(({ recordCount }) => recordCount)).toEqual([1n, 0n, 0n, 0n, 0n, 0n]);
  expect(sizes).toHaveLength(1);
});

test("much of it comes in parts of bounded size, each of whole lines", async () => {
  await fill(employeeId, 5_000);
  const note = "😀".repeat(4_000);
  for (let n = 0; n < 40; n++) {
    await service.clients.logs.putLogEntry({ employeeId, entry: logEntry({ entryId: `long-${n}`, note }) }, own);
  }
  const { manifest, sizes, records } = await readWhole(exported());
  expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1_024);
  expect(sizes.length).toBeGreaterThan(5);
  expect(manifest.files.map(({ recordCount }) => recordCount)).toEqual([1n, 40n, 0n, 5_001n, 0n, 0n]);
  expect(new Set(records(SAMPLE).map(({ startTime }) => startTime)).size).toBe(5_001);
  expect(new Set(records(LOG_ENTRY).map(({ entryId }) => entryId)).size).toBe(40);
});

test("a caller who goes away in the middle leaves nothing running", async () => {
  await fill(employeeId, 100_000);
  const abort = new AbortController();
  const call = service.clients.privacy.exportEmployee({ employeeId }, { ...own, signal: abort.signal });
  const reading = (async () => {
    for await (const _ of call) abort.abort();
  })();
  expect(await reading.catch((error: unknown) => String(error))).toMatch(/abort|cancel/i);
  await expectQuiet(service.database);
  const late = service.clients.privacy.exportEmployee({ employeeId }, { ...own, timeoutMs: 20 });
  await expect(readWhole(late)).rejects.toThrow(/deadline_exceeded/);
  await expectQuiet(service.database);
});

test("nobody but the person may ask for it", async () => {
  const colleague = await service.hire(tenant);
  for (const role of roles) {
    const caller = as(role, tenant, role === "employee" ? colleague : undefined);
    const failure = await failureOf(readWhole(exported(employeeId, caller)));
    expect(failure).toMatchObject({ code: "PermissionDenied", reason: "ACCESS_DENIED" });
  }
  await expect(readWhole(exported(employeeId.toUpperCase()))).resolves.toBeDefined();
});

test("an employee whom there is not, or no more, is not found, and one who has left is exported", async () => {
  const admin = as("company_admin", tenant);
  await service.clients.employees.updateEmployee(
    { employeeId, employee: { state: EmployeeState.OFFBOARDED }, updateMask: { paths: ["state"] } },
    admin,
  );
  expect((await readWhole(exported())).records(EMPLOYEE)).toMatchObject([{ state: "EMPLOYEE_STATE_OFFBOARDED" }]);
  await service.clients.employees.deleteEmployee({ employeeId }, admin);
  for (const id of [employeeId, crypto.randomUUID()]) {
    const failure = await failureOf(readWhole(exported(id, as("employee", tenant, id))));
    expect(failure).toMatchObject({ code: "NotFound", resource: { type: "wellvault.v1.Employee", name: id } });
  }
  const failure = await failureOf(readWhole(exported("no-uuid")));
  expect(failure).toMatchObject({ code: "InvalidArgument", fields: ["employee_id"] });
});

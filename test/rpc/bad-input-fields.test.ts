import { create, type DescMessage, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { Role } from "../../src/identity/principal.ts";
import { badUuids } from "../support/bad-values.ts";
import { type Caller, openCaller } from "../support/callers.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let caller: Caller;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService();
  caller = openCaller(service.address, "grpc");
  await service.provision("acme");
  employeeId = await service.hire("acme", "E-1");
});
afterAll(async () => {
  caller.close();
  await service.close();
});

const time = (seconds: bigint, nanos = 0): Timestamp => create(TimestampSchema, { seconds, nanos });
const int64Max = 9_223_372_036_854_775_807n;
const start = Date.UTC(2026, 1, 3, 12);
const at = (millis: number) => timestampFromDate(new Date(millis));

type Case = [name: string, request: object, field: string];
const { provisionTenant, getTenant, listTenants } = TenantService.method;
const { createEmployee, getEmployee, listEmployees, updateEmployee, deleteEmployee, batchUpsertEmployees } =
  EmployeeService.method;
const { getLogEntry, listLogEntries, deleteLogEntry } = EmployeeLogService.method;
const { listSamples } = MetricService.method;

const roleOf: Record<string, Role> = {
  [TenantService.typeName]: "platform_operator",
  [EmployeeService.typeName]: "company_admin",
};

/** Stands for the employee's id in the tables below, which are made before there is one. */
const self = "the employee";

async function expectRefused(method: DescMethodUnary, request: object, field: string): Promise<void> {
  const role = roleOf[method.parent.typeName] ?? "employee";
  const named = "employeeId" in request && request.employeeId === self ? { ...request, employeeId } : request;
  const options = as(role, "acme", role === "employee" ? employeeId : undefined);
  const call = caller.call(method, named as MessageInitShape<DescMessage>, options);
  const { fields, ...failure } = await failureOf(call);
  expect(failure).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID" });
  expect([...new Set(fields)]).toEqual([field]);
}

const badSlugs = [
  "",
  "ab",
  "Acme",
  "acme_1",
  "-acme",
  "acme-",
  "1acme",
  "a".repeat(64),
  "ac me",
  "acmé",
  "acme\n",
  "ac\0me",
];
const longName = "n".repeat(201);
const tenant = { tenantId: "initech", displayName: "Initech" };

test.each<Case>([
  ...badSlugs.map((tenantId): Case => [`id ${JSON.stringify(tenantId)}`, { ...tenant, tenantId }, "tenant_id"]),
  ["no name", { ...tenant, displayName: "" }, "display_name"],
  ["a long name", { ...tenant, displayName: longName }, "display_name"],
  ["U+0000 in the name", { ...tenant, displayName: "a\0b" }, "display_name"],
  ["a long external id", { ...tenant, externalId: "x".repeat(129) }, "external_id"],
  ["U+0000 in the external id", { ...tenant, externalId: "\0" }, "external_id"],
  ["a request id that is none", { ...tenant, requestId: "1" }, "request_id"],
])("ProvisionTenant with %s", async (_, request, field) => await expectRefused(provisionTenant, request, field));

test.each(badSlugs)("GetTenant of %j", async (tenantId) => await expectRefused(getTenant, { tenantId }, "tenant_id"));

test.each<Case>([
  ["no employee", {}, "employee"],
  ["no external id", { employee: {} }, "employee.external_id"],
  ["a long external id", { employee: { externalId: "x".repeat(129) } }, "employee.external_id"],
  ["U+0000 in the external id", { employee: { externalId: "E\0" } }, "employee.external_id"],
  ...["displayName", "team", "location"].flatMap((key): Case[] => {
    const field = `employee.${key.replace("N", "_n")}`;
    return [
      [`a long ${key}`, { employee: { externalId: "E-2", [key]: longName } }, field],
      [`U+0000 in ${key}`, { employee: { externalId: "E-2", [key]: "a\0b" } }, field],
    ];
  }),
  ...["Europe/Atlantis", "berlin", "+25:00", "../etc/passwd", "Europe/Berlin\0", "Z".repeat(65)].map(
    (timeZone): Case => [`time zone ${timeZone}`, { employee: { externalId: "E-2", timeZone } }, "employee.time_zone"],
  ),
  ["an unknown state", { employee: { externalId: "E-2", state: 3 } }, "employee.state"],
  ["a request id that is none", { employee: { externalId: "E-2" }, requestId: "x" }, "request_id"],
])("CreateEmployee with %s", async (_, request, field) => await expectRefused(createEmployee, request, field));

test.each<Case>([
  ["no key", {}, "key"],
  ["an id that is none", { key: { case: "employeeId", value: "7" } }, "employee_id"],
  ["an empty id", { key: { case: "employeeId", value: "" } }, "employee_id"],
  ["an empty external id", { key: { case: "externalId", value: "" } }, "external_id"],
  ["a long external id", { key: { case: "externalId", value: "x".repeat(129) } }, "external_id"],
  ["U+0000 in the external id", { key: { case: "externalId", value: "\0" } }, "external_id"],
])("GetEmployee with %s", async (_, request, field) => await expectRefused(getEmployee, request, field));

const masked = (...paths: string[]) => ({ employeeId: self, employee: { externalId: "E-1" }, updateMask: { paths } });
test.each<Case>([
  ...badUuids.map((id): Case => [`id ${JSON.stringify(id)}`, { employeeId: id }, "employee_id"]),
  ["an unknown path", masked("salary"), "update_mask"],
  ["an output-only path", masked("create_time"), "update_mask"],
  ["the id as a path", masked("employee_id"), "update_mask"],
  ["the etag as a path", masked("display_name", "etag"), "update_mask"],
  ["a path in camel case", masked("displayName"), "update_mask"],
  ["every path at once", masked("*"), "update_mask"],
  ["an empty path", masked(""), "update_mask"],
  ["a path into the employee", masked("employee.team"), "update_mask"],
  ["no external id where it is replaced", { employeeId: self, employee: { team: "A" } }, "employee.external_id"],
  ["a long team", { ...masked("team"), employee: { team: longName } }, "employee.team"],
  ["U+0000 in the team", { ...masked("team"), employee: { team: "\0" } }, "employee.team"],
  ["an unknown zone", { ...masked("time_zone"), employee: { timeZone: "Mars/Base" } }, "employee.time_zone"],
  ["an unknown state", { ...masked("state"), employee: { state: 3 } }, "employee.state"],
  ["no state where the mask names it", masked("state"), "employee.state"],
])("UpdateEmployee with %s", async (_, request, field) => await expectRefused(updateEmployee, request, field));

test.each<Case>([
  ...badUuids.map((id): Case => [`id ${JSON.stringify(id)}`, { employeeId: id }, "employee_id"]),
  ["a long etag", { employeeId: self, etag: "e".repeat(65) }, "etag"],
])("DeleteEmployee with %s", async (_, request, field) => await expectRefused(deleteEmployee, request, field));

const batch = (...employees: object[]) => ({ employees });
test.each<Case>([
  ["nobody", {}, "employees"],
  ["more than 1,000", batch(...Array.from({ length: 1_001 }, (_, n) => ({ externalId: `E-${n}` }))), "employees"],
  ["no external id", batch({ externalId: "E-2" }, {}), "employees[1].external_id"],
  ["a long external id", batch({ externalId: "x".repeat(129) }), "employees[0].external_id"],
  ["U+0000 in the team", batch({ externalId: "E-2", team: "a\0" }), "employees[0].team"],
  ["an unknown state", batch({ externalId: "E-2", state: 3 }), "employees[0].state"],
  ["an unknown zone", batch({ externalId: "E-2", timeZone: "Mars/Base" }), "employees[0].time_zone"],
  ["a zone that is no name", batch({ externalId: "E-2", timeZone: "../etc" }), "employees[0].time_zone"],
  ["an employee id that is none", batch({ externalId: "E-2", employeeId: "7" }), "employees[0].employee_id"],
  ["an external id twice", batch({ externalId: "E-2" }, { externalId: "E-2" }), "employees[1].external_id"],
  ["the key in the mask", { ...batch({ externalId: "E-1" }), updateMask: { paths: ["external_id"] } }, "update_mask"],
])(
  "BatchUpsertEmployees with %s",
  async (_, request, field) => await expectRefused(batchUpsertEmployees, request, field),
);

test.each([getLogEntry, deleteLogEntry])("$name of what is no id", async (method) => {
  for (const id of ["", "a b", "x".repeat(65), "a\0"]) {
    await expectRefused(method, { employeeId: self, entryId: id }, "entry_id");
  }
});

const ranges: Case[] = [
  ["a negative page size", { pageSize: -1 }, "page_size"],
  ["the smallest page size", { pageSize: -(2 ** 31) }, "page_size"],
  ["a long page token", { pageToken: "t".repeat(1_025) }, "page_token"],
  ["a start before 1970", { startTime: at(-1) }, "start_time"],
  ["an end before 1970", { endTime: at(-1) }, "end_time"],
  ["a start after all years", { startTime: time(int64Max) }, "start_time"],
  ["an end after all years", { endTime: time(int64Max) }, "end_time"],
  ["an end in the year 10000", { endTime: time(253_402_300_800n) }, "end_time"],
  ["an end that is no time", { endTime: time(5n, 1_000_000_000) }, "end_time"],
  ["an end at the start", { startTime: at(start), endTime: at(start) }, "end_time"],
  ["an end before the start", { startTime: at(start), endTime: at(start - 1) }, "end_time"],
];

test.each<Case>([
  ...ranges,
  ["an unknown type", { types: [99] }, "types[0]"],
  ["a negative type", { types: [1, -1] }, "types[1]"],
  ["no type as a type", { types: [0] }, "types[0]"],
  ["a type twice", { types: [1, 1] }, "types"],
])(
  "ListLogEntries with %s",
  async (_, request, field) => await expectRefused(listLogEntries, { employeeId: self, ...request }, field),
);

test.each<Case>([
  ...ranges,
  ["an unknown kind", { kinds: ["steps", "telepathy"] }, "kinds[1]"],
  ["a kind that is no slug", { kinds: ["'; drop table samples --"] }, "kinds[0]"],
  ["a kind twice", { kinds: ["steps", "steps"] }, "kinds"],
  ["a source that is no slug", { source: "My Watch" }, "source"],
  ["U+0000 in the source", { source: "a\0" }, "source"],
])(
  "ListSamples with %s",
  async (_, request, field) => await expectRefused(listSamples, { employeeId: self, ...request }, field),
);

test.each<Case>([
  ["an unknown state", { state: 3 }, "state"],
  ["a long team", { team: longName }, "team"],
  ["U+0000 in the team", { team: "a\0" }, "team"],
])("ListEmployees with %s", async (_, request, field) => await expectRefused(listEmployees, request, field));

test.each([listEmployees, listTenants])("$name with a bad page", async (method) => {
  for (const [, request, field] of ranges.slice(0, 3)) await expectRefused(method, request, field);
});

test("nothing of what was refused is stored", async () => {
  const { admin } = service.database;
  const { rows } = await admin.query<{ tenant_id: string; vault: string }>(
    "select tenant_id, vault::text from control.companies where tenant_id <> 'wellvault-canary'",
  );
  expect(rows.map((row) => row.tenant_id)).toEqual(["acme"]);
  const vault = admin.escapeIdentifier(rows[0]?.vault ?? "");
  const counts = await admin.query(
    `select (select count(*) from ${vault}.employees) || ' ' || (select count(*) from ${vault}.log_entries) as counts`,
  );
  expect(counts.rows).toEqual([{ counts: "1 0" }]);
  expect(service.logLines).toEqual([]);
});

test("pages of more than the most are taken as the most, and times at the ends of all years are times", async () => {
  const person = as("employee", "acme", employeeId);
  const wide = { employeeId, pageSize: 2 ** 31 - 1, startTime: time(0n), endTime: time(253_402_300_799n, 999_999_999) };
  expect((await caller.call(listSamples, wide, person)).samples).toEqual([]);
  expect((await caller.call(listLogEntries, wide, person)).entries).toEqual([]);
});

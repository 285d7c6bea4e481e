import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import type { Caller } from "../support/callers.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";

const start = new Date("2026-03-02T08:00:00.123Z");
const longNote = `Slept well. ${"🌙 спал хорошо; ".repeat(150)}\u200f\u200d`;

/** Uses every part of the API once, as a company would in its first hour, and checks the answers. */
export async function useEverything(caller: Caller, tenantId: string): Promise<void> {
  const admin = as("company_admin", tenantId);
  const { tenant, created } = await caller.call(
    TenantService.method.provisionTenant,
    { tenantId, displayName: "Ünïcode & Söhne 🏢" },
    as("platform_operator"),
  );
  expect(created).toBe(true);
  expect(tenant).toMatchObject({ tenantId, displayName: "Ünïcode & Söhne 🏢" });

  const ids: string[] = [];
  for (const externalId of ["E-1", "E-2", "E-3"]) {
    const { employee } = await caller.call(
      EmployeeService.method.createEmployee,
      { employee: { externalId, displayName: "Ada", team: "A", timeZone: "Europe/Berlin" } },
      admin,
    );
    ids.push(employee?.employeeId ?? "");
  }
  const [employeeId = ""] = ids;
  await useRoster(caller, admin, ids);

  const person = as("employee", tenantId, employeeId);
  await useMetrics(caller, person, employeeId);
  await useLog(caller, person, employeeId);

  await caller.call(EmployeeService.method.deleteEmployee, { employeeId }, admin);
  const gone = await failureOf(
    caller.call(EmployeeService.method.getEmployee, { key: { case: "employeeId", value: employeeId } }, admin),
  );
  expect(gone).toMatchObject({
    code: "NotFound",
    reason: "RESOURCE_NOT_FOUND",
    resource: { type: "wellvault.v1.Employee", name: employeeId },
  });

  const { kinds } = await caller.call(MetricService.method.listMetricKinds, {}, as("auditor"));
  expect(kinds.length).toBe(30);
  expect(await caller.call(Health.method.check, { service: "" })).toMatchObject({ status: Status.SERVING });
}

async function useRoster(caller: Caller, admin: ReturnType<typeof as>, ids: readonly string[]): Promise<void> {
  const [employeeId = ""] = ids;
  const found = await caller.call(
    EmployeeService.method.getEmployee,
    { key: { case: "externalId", value: "E-1" } },
    admin,
  );
  expect(found.employee).toMatchObject({ employeeId, externalId: "E-1", displayName: "Ada" });

  const first = await caller.call(EmployeeService.method.listEmployees, { pageSize: 2 }, admin);
  const second = await caller.call(
    EmployeeService.method.listEmployees,
    { pageSize: 2, pageToken: first.nextPageToken },
    admin,
  );
  expect([...first.employees, ...second.employees].map((employee) => employee.employeeId)).toEqual(ids);
  expect(second.nextPageToken).toBe("");

  const updated = await caller.call(
    EmployeeService.method.updateEmployee,
    {
      employeeId,
      employee: { displayName: "Ada L.", team: "not in the mask", etag: found.employee?.etag ?? "" },
      updateMask: { paths: ["display_name"] },
    },
    admin,
  );
  expect(updated.employee).toMatchObject({ displayName: "Ada L.", team: "A", externalId: "E-1" });
  expect(updated.employee?.etag).not.toBe(found.employee?.etag);
}

async function useMetrics(caller: Caller, person: ReturnType<typeof as>, employeeId: string): Promise<void> {
  const samples = [0, 1, 2].map((minute) => ({
    kind: "heart_rate",
    startTime: timestampFromDate(new Date(start.getTime() + minute * 60_000)),
    utcOffsetMinutes: 60,
    value: 60.5 + minute,
    source: "fitbit",
    version: 9_007_199_254_740_993n,
  }));
  const counts = await caller.call(MetricService.method.putSamples, { employeeId, samples }, person);
  expect(counts).toMatchObject({ insertedCount: 3, replacedCount: 0, unchangedCount: 0, staleCount: 0 });

  const first = await caller.call(MetricService.method.listSamples, { employeeId, pageSize: 2 }, person);
  const second = await caller.call(
    MetricService.method.listSamples,
    { employeeId, pageSize: 2, pageToken: first.nextPageToken },
    person,
  );
  const read = [...first.samples, ...second.samples];
  expect(read.map((sample) => sample.value)).toEqual([62.5, 61.5, 60.5]);
  expect(read.at(-1)).toMatchObject(samples[0] ?? {});
  expect(read.at(-1)?.civilDate).toBe("2026-03-02");

  const failure = await failureOf(
    caller.call(
      MetricService.method.putSamples,
      { employeeId, samples: samples.map((sample, index) => (index === 1 ? { ...sample, value: 301 } : sample)) },
      person,
    ),
  );
  expect(failure).toMatchObject({
    code: "InvalidArgument",
    reason: "FIELD_INVALID",
    fields: ["samples[1].value"],
  });
}

async function useLog(caller: Caller, person: ReturnType<typeof as>, employeeId: string): Promise<void> {
  const entry = {
    entryId: "night-1",
    startTime: timestampFromDate(start),
    endTime: timestampFromDate(new Date(start.getTime() + 8 * 3_600_000)),
    utcOffsetMinutes: -300,
    source: "manual",
    version: 1n,
    note: longNote,
    detail: { case: "sleep" as const, value: { quality: 4, asleepMinutes: 455 } },
  };
  const put = await caller.call(EmployeeLogService.method.putLogEntry, { employeeId, entry }, person);
  expect(put.outcome).toBe(WriteOutcome.INSERTED);
  const got = await caller.call(EmployeeLogService.method.getLogEntry, { employeeId, entryId: "night-1" }, person);
  expect(got.entry).toMatchObject({ ...entry, civilDate: "2026-03-02" });
  expect(got.entry?.note).toBe(longNote);
  const list = await caller.call(EmployeeLogService.method.listLogEntries, { employeeId }, person);
  expect(list.entries.map((one) => one.entryId)).toEqual(["night-1"]);
  await caller.call(EmployeeLogService.method.deleteLogEntry, { employeeId, entryId: "night-1" }, person);
  const gone = await failureOf(
    caller.call(EmployeeLogService.method.getLogEntry, { employeeId, entryId: "night-1" }, person),
  );
  expect(gone.resource).toEqual({ type: "wellvault.v1.LogEntry", name: "night-1" });
}

import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { PrivacyService } from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { VerificationService } from "../../src/gen/wellvault/v1/verification_service_pb.ts";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import { checkAccessRules } from "../../src/identity/access-rules.ts";
import { type Role, roles } from "../../src/identity/principal.ts";
import { type Caller, openCaller } from "../support/callers.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let caller: Caller;
let me: string;
let colleague: string;
beforeAll(async () => {
  service = await startTestService();
  caller = openCaller(service.address, "grpc");
  await service.provision("acme");
  me = await service.hire("acme", "ME");
  colleague = await service.hire("acme", "COLLEAGUE");
  await caller.call(EmployeeLogService.method.putLogEntry, putEntry(colleague, 5n), as("employee", "acme", colleague));
});
afterAll(async () => {
  caller.close();
  await service.close();
});

const putEntry = (employeeId: string, version: bigint, note = "a secret of mine") => ({
  employeeId,
  entry: {
    entryId: "diary",
    startTime: timestampFromDate(new Date("2026-02-01T20:00:00Z")),
    utcOffsetMinutes: 0,
    source: "manual",
    version,
    note,
    detail: { case: "journal" as const, value: {} },
  },
});

/**
 * Who may call what, from the table "Who may see what" of the domain, for the calls that there are:
 * an employee reaches the own values alone, a coach and a company's administrator the roster without
 * values, an ingest service writes and resolves ids, an operator the tenants and an auditor reads those.
 */
const expected: Record<string, Partial<Record<Role, "own" | "all">>> = {
  ProvisionTenant: { platform_operator: "all" },
  GetTenant: { platform_operator: "all", auditor: "all" },
  ListTenants: { platform_operator: "all", auditor: "all" },
  UpdateTenant: { platform_operator: "all" },
  CreateEmployee: { company_admin: "all" },
  GetEmployee: { employee: "own", coach: "all", company_admin: "all", ingest_service: "all" },
  ListEmployees: { coach: "all", company_admin: "all", ingest_service: "all" },
  UpdateEmployee: { company_admin: "all" },
  DeleteEmployee: { company_admin: "all" },
  BatchUpsertEmployees: { company_admin: "all" },
  PutLogEntry: { employee: "own", ingest_service: "all" },
  GetLogEntry: { employee: "own" },
  ListLogEntries: { employee: "own" },
  DeleteLogEntry: { employee: "own" },
  PutSamples: { employee: "own", ingest_service: "all" },
  ListSamples: { employee: "own" },
  DeleteSamples: { employee: "own", ingest_service: "all" },
  AggregateSamples: { employee: "own" },
  GetTrend: { employee: "own" },
  ListMetricKinds: Object.fromEntries(roles.map((role) => [role, "all"])),
};

// Who may call a stream is tested with what it returns.
const methods = [TenantService, EmployeeService, EmployeeLogService, MetricService].flatMap((one) =>
  one.methods.filter((method): method is DescMethodUnary => method.methodKind === "unary"),
);

/** A request that passes the rules of its message where access depends on what it says. */
function requestFor(method: DescMethodUnary, employeeId: string): MessageInitShape<DescMessage> {
  const init: Record<string, MessageInitShape<DescMessage>> = {
    GetEmployee: { key: { case: "employeeId", value: employeeId } },
    PutLogEntry: putEntry(employeeId, 1n),
    GetLogEntry: { employeeId, entryId: "diary" },
    ListLogEntries: { employeeId },
    // Nobody has this entry, so that the deletion is allowed and does nothing.
    DeleteLogEntry: { employeeId, entryId: "none" },
    PutSamples: {
      employeeId,
      samples: [
        {
          kind: "weight",
          startTime: timestampFromDate(new Date("2026-02-01T20:00:00Z")),
          utcOffsetMinutes: 0,
          value: 70,
          source: "manual",
          version: 1n,
        },
      ],
    },
    ListSamples: { employeeId },
    // Nobody has a sample of this source.
    DeleteSamples: {
      employeeId,
      selection: { case: "keys", value: { keys: [sampleKey(sample({ source: "none" }))] } },
    },
    AggregateSamples: {
      employeeId,
      kinds: ["weight"],
      period: CalendarPeriod.DAY,
      startDate: "2026-02-01",
      endDate: "2026-02-02",
    },
    GetTrend: { employeeId, kind: "weight" },
  };
  return init[method.name] ?? {};
}

async function isDenied(method: DescMethodUnary, role: Role, employeeId: string): Promise<boolean> {
  const failure = await caller
    .call(method, requestFor(method, employeeId), as(role, "acme", role === "employee" ? me : undefined))
    .then(
      () => undefined,
      async (error: unknown) => await failureOf(Promise.reject(error)),
    );
  if (failure?.reason === "ACCESS_DENIED")
    expect(failure).toMatchObject({ code: "PermissionDenied", metadata: { role } });
  return failure?.reason === "ACCESS_DENIED";
}

test("the table of this test covers every method", () => {
  expect(methods.map((method) => method.name).sort()).toEqual(Object.keys(expected).sort());
});

test.each(methods.map((method) => [method.name, method] as const))(
  "%s lets in whom it should",
  async (name, method) => {
    for (const role of roles) {
      const allowed = expected[name]?.[role];
      expect(await isDenied(method, role, me), `${role} for the own id`).toBe(allowed === undefined);
      expect(await isDenied(method, role, colleague), `${role} for a colleague`).toBe(allowed !== "all");
    }
  },
);

test("an employee is known by the own id in capitals, and not by the external id", async () => {
  const { getEmployee } = EmployeeService.method;
  const byId = { key: { case: "employeeId" as const, value: me.toUpperCase() } };
  const { employee } = await caller.call(getEmployee, byId, as("employee", "acme", me));
  expect(employee?.employeeId).toBe(me);
  const byExternalId = { key: { case: "externalId" as const, value: "ME" } };
  const failure = await failureOf(caller.call(getEmployee, byExternalId, as("employee", "acme", me)));
  expect(failure.reason).toBe("ACCESS_DENIED");
});

test("an employee's id opens nothing in another tenant", async () => {
  await service.provision("globex");
  const failure = await failureOf(
    caller.call(EmployeeLogService.method.listLogEntries, { employeeId: me }, as("employee", "globex", me)),
  );
  expect(failure).toMatchObject({ code: "NotFound", resource: { type: "wellvault.v1.Employee", name: me } });
});

test.each([1n, 5n])("an ingest service is not told what is stored by writing version %s again", async (version) => {
  const { putLogEntry } = EmployeeLogService.method;
  const response = await caller.call(putLogEntry, putEntry(colleague, version, "guess"), as("ingest_service", "acme"));
  expect(response.outcome).toBe(version === 5n ? WriteOutcome.UNCHANGED : WriteOutcome.STALE);
  expect(response.entry).toBeUndefined();
  const own = await caller.call(putLogEntry, putEntry(colleague, version, "guess"), as("employee", "acme", colleague));
  expect(own.entry?.note).toBe("a secret of mine");
});

test("a service with a method that has no rule is not started, nor one without a method of a rule", () => {
  const all = [TenantService, EmployeeService, EmployeeLogService, MetricService, PrivacyService, VerificationService];
  expect(() => checkAccessRules(all)).not.toThrow();
  expect(() => checkAccessRules([...all, Health])).toThrow(/without a rule .*Health\.Check/);
  expect(() => checkAccessRules(all.slice(1))).toThrow(/without a method .*TenantService\.GetTenant/);
});

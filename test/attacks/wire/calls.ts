import { randomUUID } from "node:crypto";
import {
  create,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../../src/gen/wellvault/v1/metric_service_pb.ts";
import { CalendarPeriod } from "../../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { PrivacyService } from "../../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { TenantService } from "../../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { VerificationService } from "../../../src/gen/wellvault/v1/verification_service_pb.ts";
import { logEntry, sample, sampleKey } from "../../support/samples.ts";
import type { BadgeName } from "./company.ts";

/** Whose rows a request is about. */
export interface Prey {
  readonly tenantId: string;
  readonly employeeId: string;
  readonly entryId: string;
}

/** A method that takes one request, or a stream of them, of which attacks send one. */
export type AttackedMethod = DescMethodUnary | StreamMethod;

/** A method whose responses are a stream. */
export type StreamMethod = DescMethodServerStreaming | DescMethodBiDiStreaming;

/** A method with a request that is valid, and who may make it. */
export interface ApiCall {
  readonly name: string;
  readonly method: AttackedMethod;
  readonly badge: BadgeName;
  /** Whether the request names an employee by the id. */
  readonly byEmployeeId: boolean;
  request(prey: Prey): Message;
}

function of<M extends AttackedMethod>(
  method: M,
  badge: BadgeName,
  request: (prey: Prey) => MessageInitShape<M["input"]>,
): ApiCall {
  const made = (prey: Prey) => create(method.input, request(prey)) as Message;
  const probe = randomUUID();
  const text = JSON.stringify(made({ tenantId: "t", employeeId: probe, entryId: "e" }), (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return { name: method.name, method, badge, byEmployeeId: text.includes(probe), request: made };
}

/** Every method of the API, each with a valid request; the attack R01 checks that none is left out. */
export const apiCalls: readonly ApiCall[] = [
  of(TenantService.method.provisionTenant, "operator", () => ({ tenantId: newSlug(), displayName: "New" })),
  of(TenantService.method.getTenant, "operator", ({ tenantId }) => ({ tenantId })),
  of(TenantService.method.listTenants, "operator", () => ({ pageSize: 1 })),
  of(TenantService.method.updateTenant, "operator", ({ tenantId }) => ({
    tenantId,
    tenant: { retention: { sampleMonths: 1_200, logEntryMonths: 1_200 } },
  })),
  of(TenantService.method.purgeExpired, "operator", ({ tenantId }) => ({ tenantId, validateOnly: true })),
  of(EmployeeService.method.createEmployee, "admin", () => ({ employee: { externalId: randomUUID() } })),
  of(EmployeeService.method.getEmployee, "admin", ({ employeeId }) => ({
    key: { case: "employeeId" as const, value: employeeId },
  })),
  of(EmployeeService.method.listEmployees, "admin", () => ({ pageSize: 10 })),
  of(EmployeeService.method.updateEmployee, "admin", ({ employeeId }) => ({
    employeeId,
    employee: { externalId: randomUUID(), displayName: "Changed" },
  })),
  of(EmployeeService.method.deleteEmployee, "admin", ({ employeeId }) => ({ employeeId })),
  of(EmployeeService.method.batchUpsertEmployees, "admin", () => ({ employees: [{ externalId: randomUUID() }] })),
  of(EmployeeLogService.method.putLogEntry, "person", ({ employeeId, entryId }) => ({
    employeeId,
    entry: logEntry({ entryId, version: 7n }),
  })),
  of(EmployeeLogService.method.getLogEntry, "person", ({ employeeId, entryId }) => ({ employeeId, entryId })),
  of(EmployeeLogService.method.listLogEntries, "person", ({ employeeId }) => ({ employeeId })),
  of(EmployeeLogService.method.deleteLogEntry, "person", ({ employeeId, entryId }) => ({ employeeId, entryId })),
  of(MetricService.method.putSamples, "ingest", ({ employeeId }) => ({
    employeeId,
    samples: [sample({ version: 7n })],
  })),
  of(MetricService.method.streamSamples, "ingest", ({ employeeId }) => ({
    batchNumber: 1n,
    employeeId,
    samples: [sample({ version: 7n })],
  })),
  of(MetricService.method.listSamples, "person", ({ employeeId }) => ({ employeeId })),
  of(MetricService.method.deleteSamples, "ingest", ({ employeeId }) => ({
    employeeId,
    selection: { case: "keys" as const, value: { keys: [sampleKey()] } },
  })),
  of(MetricService.method.aggregateSamples, "person", ({ employeeId }) => ({
    employeeId,
    kinds: ["heart_rate"],
    period: CalendarPeriod.DAY,
    startDate: "2026-01-05",
    endDate: "2026-01-06",
  })),
  of(MetricService.method.getTrend, "person", ({ employeeId }) => ({ employeeId, kind: "heart_rate" })),
  of(MetricService.method.listMetricKinds, "admin", () => ({})),
  of(PrivacyService.method.exportEmployee, "person", ({ employeeId }) => ({ employeeId })),
  of(VerificationService.method.verifyIsolation, "auditor", () => ({})),
];

/** Those that work on a tenant's rows. */
export const tenantCalls = apiCalls.filter(
  (call): call is UnaryCall => isUnary(call) && !isOfPlatform(call) && call.name !== "ListMetricKinds",
);

/** A call that has one answer. */
export type UnaryCall = ApiCall & { readonly method: DescMethodUnary };

function isUnary({ method }: ApiCall): boolean {
  return method.methodKind === "unary";
}

/** Whether a method is for the platform's own roles, who are told of companies: that is no attack. */
export function isOfPlatform({ badge }: ApiCall): boolean {
  return badge === "operator" || badge === "auditor";
}

/** An id that no tenant has yet. */
export function newSlug(): string {
  return `t-${randomUUID()}`;
}

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { errors } from "../errors.ts";
import { WriteOutcome } from "../gen/wellvault/v1/write_outcome_pb.ts";
import type { Principal, Role } from "./principal.ts";

/** Who may call a method, and what it works on. */
export interface AccessRule {
  /** `tenant`: one tenant's data, so the call must name one. `platform`: none. */
  readonly scope: "tenant" | "platform";
  /**
   * The roles that may call it. `own` restricts an employee to the own employee id; `write` lets a caller
   * write for anybody and be told what the write did, but not what somebody else had stored.
   */
  readonly roles: Readonly<Partial<Record<Role, "all" | "own" | "write">>>;
}

const everyone: AccessRule["roles"] = {
  employee: "all",
  coach: "all",
  company_admin: "all",
  platform_operator: "all",
  auditor: "all",
  ingest_service: "all",
};

/**
 * What each role may call. Whatever is not listed is refused.
 *
 * A person's values are read by that person alone. A company's administrator keeps the roster and
 * never reaches a value; an ingest service writes values and never reads them back; the platform's
 * operator never reaches a tenant's data. A coach may read values only of employees who consented,
 * and as long as no consent can be recorded that is nobody.
 */
const rules: Readonly<Record<string, AccessRule>> = {
  "wellvault.v1.TenantService.ProvisionTenant": { scope: "platform", roles: { platform_operator: "all" } },
  "wellvault.v1.TenantService.GetTenant": { scope: "platform", roles: { platform_operator: "all", auditor: "all" } },
  "wellvault.v1.TenantService.ListTenants": { scope: "platform", roles: { platform_operator: "all", auditor: "all" } },
  "wellvault.v1.TenantService.UpdateTenant": { scope: "platform", roles: { platform_operator: "all" } },
  "wellvault.v1.TenantService.PurgeExpired": { scope: "platform", roles: { platform_operator: "all" } },

  "wellvault.v1.EmployeeService.CreateEmployee": { scope: "tenant", roles: { company_admin: "all" } },
  "wellvault.v1.EmployeeService.GetEmployee": {
    scope: "tenant",
    roles: { employee: "own", coach: "all", company_admin: "all", ingest_service: "all" },
  },
  "wellvault.v1.EmployeeService.ListEmployees": {
    scope: "tenant",
    roles: { coach: "all", company_admin: "all", ingest_service: "all" },
  },
  "wellvault.v1.EmployeeService.UpdateEmployee": { scope: "tenant", roles: { company_admin: "all" } },
  "wellvault.v1.EmployeeService.DeleteEmployee": { scope: "tenant", roles: { company_admin: "all" } },
  "wellvault.v1.EmployeeService.BatchUpsertEmployees": { scope: "tenant", roles: { company_admin: "all" } },

  "wellvault.v1.EmployeeLogService.PutLogEntry": {
    scope: "tenant",
    roles: { employee: "own", ingest_service: "write" },
  },
  "wellvault.v1.EmployeeLogService.GetLogEntry": { scope: "tenant", roles: { employee: "own" } },
  "wellvault.v1.EmployeeLogService.ListLogEntries": { scope: "tenant", roles: { employee: "own" } },
  "wellvault.v1.EmployeeLogService.DeleteLogEntry": { scope: "tenant", roles: { employee: "own" } },

  "wellvault.v1.MetricService.PutSamples": { scope: "tenant", roles: { employee: "own", ingest_service: "write" } },
  "wellvault.v1.MetricService.StreamSamples": { scope: "tenant", roles: { employee: "own", ingest_service: "write" } },
  "wellvault.v1.MetricService.ListSamples": { scope: "tenant", roles: { employee: "own" } },
  "wellvault.v1.MetricService.DeleteSamples": { scope: "tenant", roles: { employee: "own", ingest_service: "write" } },
  "wellvault.v1.MetricService.AggregateSamples": { scope: "tenant", roles: { employee: "own" } },
  "wellvault.v1.MetricService.GetTrend": { scope: "tenant", roles: { employee: "own" } },
  "wellvault.v1.MetricService.ListMetricKinds": { scope: "platform", roles: everyone },

  "wellvault.v1.PrivacyService.ExportEmployee": { scope: "tenant", roles: { employee: "own" } },

  "wellvault.v1.VerificationService.VerifyIsolation": { scope: "platform", roles: { auditor: "all" } },
};

/**
 * Returns the rule of a method for a caller.
 *
 * @throws WellvaultError ACCESS_DENIED when the role may not call the method
 */
export function requireAccess(principal: Principal, method: DescMethod): AccessRule {
  const rule = ruleOf(method);
  if (!rule?.roles[principal.role]) throw errors.accessDenied(principal.role, method.name);
  return rule;
}

/**
 * Refuses an employee's call, or one request of a stream, for somebody else.
 *
 * @param request the decoded request; its `employee_id` says whom it is for
 * @throws WellvaultError ACCESS_DENIED when the employee may only act for the own id and this is not it
 */
export function requireOwnEmployee(principal: Principal, method: DescMethod, request: object): void {
  if (ruleOf(method)?.roles[principal.role] !== "own") return;
  if (!principal.employeeId || employeeIdOf(request)?.toLowerCase() !== principal.employeeId) {
    throw errors.accessDenied(principal.role, method.name);
  }
}

/**
 * Takes out of a response what a caller who may only write must not read: an entry that the call did not
 * store itself. Without this an ingest service could read anybody's journal by writing an old version of it.
 */
export function withholdStored(principal: Principal, method: DescMethod, response: object): void {
  if (ruleOf(method)?.roles[principal.role] !== "write" || !("entry" in response)) return;
  const outcome = "outcome" in response ? response.outcome : undefined;
  if (outcome !== WriteOutcome.INSERTED && outcome !== WriteOutcome.REPLACED) delete response.entry;
}

/**
 * Checks that the table and the services agree: every method has a rule and every rule a method.
 * Called at start, so that a new method cannot be served without anyone having thought about it.
 */
export function checkAccessRules(services: readonly DescService[]): void {
  const methods = new Set(services.flatMap((service) => service.methods.map(nameOf)));
  const missing = [...methods].filter((name) => !rules[name]);
  const dead = Object.keys(rules).filter((name) => !methods.has(name));
  if (missing.length + dead.length > 0) {
    throw new Error(
      `The access rules are incomplete: without a rule ${missing.join(", ") || "none"}; ` +
        `without a method ${dead.join(", ") || "none"}.`,
    );
  }
}

function ruleOf(method: DescMethod): AccessRule | undefined {
  return rules[nameOf(method)];
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

function employeeIdOf(request: object): string | undefined {
  if ("employeeId" in request && typeof request.employeeId === "string") return request.employeeId;
  if ("key" in request && typeof request.key === "object" && request.key !== null) {
    const { case: name, value } = request.key as { case?: string; value?: unknown };
    if (name === "employeeId" && typeof value === "string") return value;
  }
  return undefined;
}

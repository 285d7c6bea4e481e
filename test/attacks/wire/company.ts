import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { CallOptions } from "@connectrpc/connect";
import type pg from "pg";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { Caller } from "../../support/callers.ts";
import { logEntry, sample } from "../../support/samples.ts";
import type { Badge, Issuer } from "./issuer.ts";

/** Who of a company calls, or of the platform. */
export type BadgeName = "operator" | "auditor" | "admin" | "ingest" | "person";

/** A company with rows in every table, and what its own callers know of it. */
export interface Company {
  readonly tenantId: string;
  readonly companyId: string;
  readonly vault: string;
  /** The employee who has samples and log entries. */
  readonly employeeId: string;
  /** An entry of the employee. */
  readonly entryId: string;
  /** The request id that the employee was created with. */
  readonly requestId: string;
  readonly externalId: string;
  /** Tokens of second pages of each list. */
  readonly pageTokens: { readonly employees: string; readonly entries: string; readonly samples: string };
  readonly badges: Readonly<Record<BadgeName, Badge>>;
  /** Stands in every text of the company, its tenant id included, and in no other's. */
  readonly marker: string;
  /** A value of a sample, as text. */
  readonly valueText: string;
}

/** Provisions a company through the API, and has its own callers fill it. */
export async function settle(caller: Caller, issuer: Issuer, admin: pg.Client, name: string): Promise<Company> {
  const marker = randomBytes(6).toString("hex");
  const tenantId = `${name}-${marker}`;
  const operator = await issuer.badge("platform_operator");
  await caller.call(TenantService.method.provisionTenant, { tenantId, displayName: `company-${marker}` }, operator);
  const boss = await issuer.badge("company_admin", tenantId);
  const ingest = await issuer.badge("ingest_service", tenantId);
  const requestId = randomUUID();
  const hire = async (number: number): Promise<string> => {
    const employee = {
      externalId: `external-${marker}-${number}`,
      displayName: `name-${marker}`,
      team: `team-${marker}`,
      location: `place-${marker}`,
    };
    const request = { employee, requestId: number === 1 ? requestId : "" };
    return (await caller.call(EmployeeService.method.createEmployee, request, boss)).employee?.employeeId ?? "";
  };
  const employeeId = await hire(1);
  await hire(2);
  const person = await issuer.badge("employee", tenantId, employeeId);
  const value = 60 + randomInt(1_000_000, 9_999_999) / 10_000_000;
  for (const [index, detail] of [
    { case: "journal" as const, value: { title: `journal-${marker}` } },
    { case: "mood" as const, value: { valence: -2, labels: [`label-${marker}`] } },
  ].entries()) {
    const entry = logEntry({ entryId: `entry-${marker}-${index}`, note: `note-${marker}`, detail });
    await caller.call(EmployeeLogService.method.putLogEntry, { employeeId, entry }, person);
  }
  const samples = [0, 60].map((seconds) =>
    sample({
      value,
      source: `src_${marker}`,
      startTime: { seconds: 1_767_600_000n + BigInt(seconds), nanos: 0 } as never,
    }),
  );
  await caller.call(MetricService.method.putSamples, { employeeId, samples }, ingest);
  const { rows } = await admin.query<{ company_id: string; vault: string }>(
    "select company_id, vault::text as vault from control.companies where tenant_id = $1",
    [tenantId],
  );
  return {
    tenantId,
    companyId: rows[0]?.company_id ?? "",
    vault: rows[0]?.vault ?? "",
    employeeId,
    entryId: `entry-${marker}-0`,
    requestId,
    externalId: `external-${marker}-1`,
    pageTokens: await turnPages(caller, employeeId, boss, person),
    badges: { operator, auditor: await issuer.badge("auditor"), admin: boss, ingest, person },
    marker,
    valueText: String(value),
  };
}

async function turnPages(
  caller: Caller,
  employeeId: string,
  boss: CallOptions,
  person: CallOptions,
): Promise<Company["pageTokens"]> {
  const page = { employeeId, pageSize: 1 };
  return {
    employees: (await caller.call(EmployeeService.method.listEmployees, { pageSize: 1 }, boss)).nextPageToken,
    entries: (await caller.call(EmployeeLogService.method.listLogEntries, page, person)).nextPageToken,
    samples: (await caller.call(MetricService.method.listSamples, page, person)).nextPageToken,
  };
}

/** Texts that tell of the company: none of them may stand in a log, or come back to anybody else. */
export function tellingTexts({ marker, valueText, vault, companyId, employeeId, badges }: Company): string[] {
  const tokens = Object.values(badges).map(({ headers }) => headers["authorization"]?.slice("Bearer ".length) ?? "");
  return [marker, valueText, vault, companyId, employeeId, ...tokens];
}

/** The company with one more employee, whom attacks may change, as the one that its requests are about. */
export async function withSpareEmployee(caller: Caller, issuer: Issuer, company: Company): Promise<Company> {
  const { tenantId, badges, marker } = company;
  const employee = { externalId: `spare-${marker}` };
  const hired = await caller.call(EmployeeService.method.createEmployee, { employee }, badges.admin);
  const employeeId = hired.employee?.employeeId ?? "";
  const person = await issuer.badge("employee", tenantId, employeeId);
  return { ...company, employeeId, entryId: "spare", badges: { ...badges, person } };
}

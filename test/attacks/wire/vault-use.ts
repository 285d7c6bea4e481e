import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { TenantService } from "../../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { Caller } from "../../support/callers.ts";
import { describeFailure } from "../support/outcome.ts";
import type { Company } from "./company.ts";
import type { Stage } from "./stage.ts";

/** Provisions a company and uses it; says whether it shares its vault with anybody. */
export async function provisionAndUse(stage: Stage, caller: Caller, tenantId: string): Promise<string> {
  const { operator } = stage.a.badges;
  try {
    await stage.noted(caller.call(TenantService.method.provisionTenant, { tenantId, displayName: "Odd" }, operator));
  } catch (error) {
    if (describeFailure(error) === "INVALID_ARGUMENT") return "refused, or a vault of its own";
    throw error;
  }
  const badge = await stage.issuer.badge("company_admin", tenantId);
  await caller.call(EmployeeService.method.createEmployee, { employee: { externalId: tenantId } }, badge);
  const { employees } = await caller.call(EmployeeService.method.listEmployees, {}, badge);
  const own = employees.map(({ externalId }) => externalId);
  return own.join() === tenantId ? "refused, or a vault of its own" : `shares a vault: ${own.length} employees`;
}

/** A hash of the rows of a company's employees, entries and samples. */
export async function rowsOf(stage: Stage, { vault }: Company): Promise<string> {
  const { rows } = await stage.database.admin.query<{ hash: string }>(
    `select md5(string_agg(t, e'\\n' order by t)) as hash from (
       select e::text from ${vault}.employees as e
       union all select l::text from ${vault}.log_entries as l
       union all select s::text from ${vault}.samples as s
     ) as rows (t)`,
  );
  return rows[0]?.hash ?? "";
}

import { canaryTenantId } from "../tenancy/canary-id.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import type { AuditorConnection } from "./auditor-connection.ts";

/** The canary and those that it is looked for as. */
export interface Companies {
  /** Undefined when it was not provisioned yet. */
  readonly canary: TenantEntry | undefined;
  /** Every other tenant, in the order of the ids. */
  readonly others: readonly TenantEntry[];
}

/** Reads every company. */
export async function readCompanies(connection: AuditorConnection): Promise<Companies> {
  const rows = await connection.query<TenantEntry>(`
    select tenant_id as "tenantId", company_id::text as "companyId", vault::text as vault, login::text as login,
      'default' as placement, state
    from control.companies
    order by tenant_id
  `);
  return {
    canary: rows.find((row) => row.tenantId === canaryTenantId),
    others: rows.filter((row) => row.tenantId !== canaryTenantId),
  };
}

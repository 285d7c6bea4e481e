import { statement } from "../../database/statement.ts";
import { type CompanyRow, companyColumns } from "./company-columns.ts";

/**
 * Companies after a tenant id, in the order of their ids, but for the canary: a range of `companies_tenant_id_key`, 8 buffers
 * for 51 companies.
 */
export const listCompanies = statement<[afterTenantId: string, limit: number, canary: string], CompanyRow>`
  select ${companyColumns}
  from control.companies
  where tenant_id > $1 and tenant_id <> $3
  order by tenant_id
  limit $2
`;

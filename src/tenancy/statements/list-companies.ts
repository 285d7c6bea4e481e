import { statement } from "../../database/statement.ts";
import { type CompanyRow, companyColumns } from "./company-columns.ts";

/** Companies after a tenant id, in the order of their ids, but for the canary; a range scan of the unique index. */
export const listCompanies = statement<[afterTenantId: string, limit: number, canary: string], CompanyRow>`
  select ${companyColumns}
  from control.companies
  where tenant_id > $1 and tenant_id <> $3
  order by tenant_id
  limit $2
`;

import { statement } from "../../database/statement.ts";
import { companyColumns, type CompanyRow } from "./company-columns.ts";

/** One company by its tenant id. */
export const getCompany = statement<[tenantId: string], CompanyRow>(`
  select ${companyColumns}
  from control.companies
  where tenant_id = $1
`);

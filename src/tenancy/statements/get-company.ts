import { statement } from "../../database/statement.ts";
import { type CompanyRow, companyColumns } from "./company-columns.ts";

/** One company by its tenant id. */
export const getCompany = statement<[tenantId: string], CompanyRow>`
  select ${companyColumns}
  from control.companies
  where tenant_id = $1
`;

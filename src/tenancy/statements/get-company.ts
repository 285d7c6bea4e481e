import { statement } from "../../database/statement.ts";
import { type CompanyRow, companyColumns } from "./company-columns.ts";

/** One company by its tenant id: `companies_tenant_id_key`, 3 buffers. */
export const getCompany = statement<[tenantId: string], CompanyRow>`
  select ${companyColumns}
  from control.companies
  where tenant_id = $1
`;

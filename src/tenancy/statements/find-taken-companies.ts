import { statement } from "../../database/statement.ts";
import { type CompanyRow, companyColumns } from "./company-columns.ts";

/**
 * The companies that hold any of the ids a new one asked for: one to three, in a stable order. The unique indexes of the
 * three ids, 7 buffers for one company.
 */
export const findTakenCompanies = statement<[tenantId: string, externalId: string, requestId: string], CompanyRow>`
  select ${companyColumns}
  from control.companies
  where tenant_id = $1 or external_id = nullif($2, '') or request_id = nullif($3, '')::uuid
  order by tenant_id
`;

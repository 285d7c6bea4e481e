import { statement } from "../../database/statement.ts";

/** A row of {@link findCompanies}. */
export interface CompanyEntry {
  readonly tenant_id: string;
  readonly company_id: string;
  readonly vault: string;
  readonly login: string;
  readonly state: string;
  readonly schema_version: number;
}

/**
 * What the directory needs of the companies with these tenant ids, as far as they exist: `companies_tenant_id_key`, 3
 * buffers for ten whose ids follow each other.
 */
export const findCompanies = statement<[tenantIds: readonly string[]], CompanyEntry>`
  select tenant_id, company_id, vault::text as vault, login::text as login, state, schema_version
  from control.companies
  where tenant_id = any ($1::text[])
`;

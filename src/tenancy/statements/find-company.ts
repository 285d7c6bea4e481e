import { statement } from "../../database/statement.ts";

/** A row of {@link findCompany}. */
export interface CompanyEntry {
  readonly company_id: string;
  readonly vault: string;
  readonly login: string;
  readonly state: string;
}

/** What the directory needs of a company; one primary-key look-up by tenant id. */
export const findCompany = statement<[tenantId: string], CompanyEntry>`
  select company_id, vault::text as vault, login::text as login, state
  from control.companies
  where tenant_id = $1
`;

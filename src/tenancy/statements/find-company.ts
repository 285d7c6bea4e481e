import { statement } from "../../database/statement.ts";

/** What the directory needs of a company; one primary-key look-up by tenant id. */
export const findCompany = statement<[tenantId: string], { vault: string; state: string }>(`
  select vault::text as vault, state
  from control.companies
  where tenant_id = $1
`);

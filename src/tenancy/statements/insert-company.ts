import { statement } from "../../database/statement.ts";

/**
 * Inserts a company, which provisions it, unless one of its unique ids is taken; then nothing is
 * returned. A second insert of the same id waits until the first one is committed or undone.
 *
 * 66 buffers beside 10,000 companies, not counting PostgreSQL's catalogue and the new vault's own tables. `companies_login_idx` is read from end to end, to
 * count each login's vaults: the new one goes to the login that has the fewest.
 */
export const insertCompany = statement<
  [tenantId: string, displayName: string, externalId: string, requestId: string],
  { tenant_id: string }
>`
  insert into control.companies (tenant_id, display_name, external_id, request_id)
  values ($1, $2, nullif($3, ''), nullif($4, '')::uuid)
  on conflict do nothing
  returning tenant_id
`;

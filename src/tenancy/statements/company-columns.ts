import { fragment } from "../../database/statement.ts";

/** The columns of a company that the API shows, for a `select` or `returning` list. */
export const companyColumns = fragment`
  tenant_id,
  display_name,
  coalesce(external_id, '') as external_id,
  coalesce(request_id::text, '') as request_id,
  state,
  schema_version,
  sample_retention_months,
  log_retention_months,
  (extract(epoch from create_time) * 1000000)::bigint::text as create_micros,
  (extract(epoch from update_time) * 1000000)::bigint::text as update_micros
`;

/** A row of {@link companyColumns}. */
export interface CompanyRow {
  readonly tenant_id: string;
  readonly display_name: string;
  readonly external_id: string;
  readonly request_id: string;
  readonly state: string;
  readonly schema_version: number;
  readonly sample_retention_months: number;
  readonly log_retention_months: number;
  readonly create_micros: string;
  readonly update_micros: string;
}

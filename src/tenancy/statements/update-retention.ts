import { statement } from "../../database/statement.ts";
import { type CompanyRow, companyColumns } from "./company-columns.ts";

/**
 * Sets how long a company's rows are kept; null leaves a setting as it is. `companies_tenant_id_key` and the row's new
 * version, 6 buffers.
 */
export const updateRetention = statement<
  [tenantId: string, sampleMonths: number | null, logMonths: number | null],
  CompanyRow
>`
  update control.companies
  set
    sample_retention_months = coalesce($2::smallint, sample_retention_months),
    log_retention_months = coalesce($3::smallint, log_retention_months),
    update_time = now()
  where tenant_id = $1
  returning ${companyColumns}
`;

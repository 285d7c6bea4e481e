import { errors } from "../errors.ts";
import type { ControlStore } from "./control-store.ts";
import type { TenantDirectory } from "./directory.ts";
import type { CompanyRow } from "./statements/company-columns.ts";
import { findTakenCompanies } from "./statements/find-taken-companies.ts";
import { getCompany } from "./statements/get-company.ts";
import { insertCompany } from "./statements/insert-company.ts";

/** What a new company is to be. */
export interface CompanySpec {
  readonly tenantId: string;
  readonly displayName: string;
  /** Empty for none. */
  readonly externalId: string;
  /** A UUID in lower case, or empty for none. */
  readonly requestId: string;
}

/**
 * Provisions a company: inserts its row and nothing else, for the trigger does the rest in the same
 * transaction. Returns the company that exists when the same was asked for before.
 *
 * @throws WellvaultError RESOURCE_EXISTS or REQUEST_ID_REUSED when an id belongs to another company
 */
export async function provisionCompany(
  store: ControlStore,
  directory: TenantDirectory,
  spec: CompanySpec,
  signal?: AbortSignal,
): Promise<{ company: CompanyRow; created: boolean }> {
  const inserted = await store.query(
    insertCompany,
    [spec.tenantId, spec.displayName, spec.externalId, spec.requestId],
    signal,
  );
  if (inserted.length > 0) {
    directory.forget(spec.tenantId);
    const [company] = await store.query(getCompany, [spec.tenantId], signal);
    if (company) return { company, created: true };
  }
  const taken = await store.query(findTakenCompanies, [spec.tenantId, spec.externalId, spec.requestId], signal);
  return { company: sameCompany(spec, taken), created: false };
}

function sameCompany(spec: CompanySpec, taken: readonly CompanyRow[]): CompanyRow {
  const type = "wellvault.v1.Tenant";
  const byTenantId = taken.find((row) => row.tenant_id === spec.tenantId);
  const byRequestId = taken.find((row) => spec.requestId !== "" && row.request_id === spec.requestId);
  if (byRequestId && !matches(byRequestId, spec)) throw errors.requestIdReused({ type, name: spec.tenantId });
  if (byRequestId) return byRequestId;
  if (byTenantId && matches(byTenantId, spec)) return byTenantId;
  if (byTenantId) throw errors.exists({ type, name: spec.tenantId }, "tenant_id");
  if (taken.length > 0) throw errors.exists({ type, name: spec.tenantId }, "external_id");
  // What stood in the way is gone again, which only a deletion can do.
  throw errors.conflict();
}

function matches(row: CompanyRow, spec: CompanySpec): boolean {
  return (
    row.tenant_id === spec.tenantId && row.display_name === spec.displayName && row.external_id === spec.externalId
  );
}

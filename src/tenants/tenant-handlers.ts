import { create, type DescService, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { fromMicros } from "../civil-time.ts";
import { errors } from "../errors.ts";
import { type Tenant, TenantSchema, TenantState } from "../gen/wellvault/v1/tenant_pb.ts";
import type { TenantService } from "../gen/wellvault/v1/tenant_service_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import { canaryTenantId } from "../tenancy/canary-id.ts";
import type { ControlStore } from "../tenancy/control-store.ts";
import type { TenantDirectory } from "../tenancy/directory.ts";
import { provisionCompany } from "../tenancy/provisioning.ts";
import type { CompanyRow } from "../tenancy/statements/company-columns.ts";
import { getCompany } from "../tenancy/statements/get-company.ts";
import { listCompanies } from "../tenancy/statements/list-companies.ts";
import { updateRetention } from "../tenancy/statements/update-retention.ts";
import { purgeExpired } from "./purge-expired.ts";
import { retentionToSet } from "./retention.ts";
import { tenantNotFound } from "./tenant-not-found.ts";

/**
 * Handlers of a service that works on the control plane: no session, but the call's signal. A stream's returns the
 * messages as they come.
 */
export type PlatformHandlers<S extends DescService> = {
  [K in keyof S["method"]]: (
    request: MessageShape<S["method"][K]["input"]>,
    signal: AbortSignal,
  ) => S["method"][K]["methodKind"] extends "unary"
    ? Promise<MessageInitShape<S["method"][K]["output"]>>
    : AsyncIterable<MessageInitShape<S["method"][K]["output"]>>;
};

/** Makes the handlers of TenantService. */
export function createTenantHandlers(
  store: ControlStore,
  directory: TenantDirectory,
): PlatformHandlers<typeof TenantService> {
  return {
    async provisionTenant(request, signal) {
      // The service's own: nobody else may know that it is there.
      if (isHidden(request.tenantId)) throw errors.tenantDenied();
      const { company, created } = await provisionCompany(
        store,
        directory,
        { ...request, requestId: request.requestId.toLowerCase() },
        signal,
      );
      return { tenant: toTenant(company), created };
    },

    async updateTenant(request, signal) {
      const { sampleMonths, logEntryMonths } = retentionToSet(request);
      const [row] = isHidden(request.tenantId)
        ? []
        : await store.query(updateRetention, [request.tenantId, sampleMonths, logEntryMonths], signal);
      if (!row) throw tenantNotFound(request.tenantId);
      return { tenant: toTenant(row) };
    },

    purgeExpired: (request, signal) => purgeExpired(store, request, signal),

    async getTenant(request, signal) {
      const [row] = await store.query(getCompany, [request.tenantId], signal);
      if (!row || isHidden(request.tenantId)) throw tenantNotFound(request.tenantId);
      return { tenant: toTenant(row) };
    },

    async listTenants(request, signal) {
      const scope: PageScope = { method: "TenantService.ListTenants", tenantId: "", args: [] };
      const after = decodePageToken(scope, request.pageToken, ["string"])?.[0] ?? "";
      const size = pageSize(request.pageSize);
      const rows = await store.query(listCompanies, [String(after), size + 1, canaryTenantId], signal);
      const page = rows.slice(0, size);
      const last = rows.length > size ? page.at(-1) : undefined;
      return {
        tenants: page.map(toTenant),
        nextPageToken: last ? encodePageToken(scope, [last.tenant_id]) : "",
      };
    },
  };
}

/** Whether it is the canary, of which callers are told nothing. */
function isHidden(tenantId: string): boolean {
  return tenantId === canaryTenantId;
}

function toTenant(row: CompanyRow): Tenant {
  return create(TenantSchema, {
    tenantId: row.tenant_id,
    displayName: row.display_name,
    externalId: row.external_id,
    state: row.state === "ACTIVE" ? TenantState.ACTIVE : TenantState.SUSPENDED,
    schemaVersion: row.schema_version,
    retention: { sampleMonths: row.sample_retention_months, logEntryMonths: row.log_retention_months },
    createTime: fromMicros(row.create_micros),
    updateTime: fromMicros(row.update_micros),
  });
}

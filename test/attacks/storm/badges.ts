import type { CallOptions } from "@connectrpc/connect";
import type { Issuer } from "../wire/issuer.ts";
import type { Badges } from "./orders.ts";

/** Makes the callers' metadata; every token is signed once. */
export function openBadges(issuer: Issuer): Badges {
  const known = new Map<string, Promise<CallOptions>>();
  const once = (key: string, make: () => Promise<CallOptions>): Promise<CallOptions> => {
    const badge = known.get(key) ?? make();
    known.set(key, badge);
    return badge;
  };
  return {
    admin: ({ tenantId }) => once(`admin ${tenantId}`, () => issuer.badge("company_admin", tenantId)),
    ingest: ({ tenantId }) => once(`ingest ${tenantId}`, () => issuer.badge("ingest_service", tenantId)),
    employee: ({ tenantId }, employeeId) =>
      once(`${tenantId} ${employeeId}`, () => issuer.badge("employee", tenantId, employeeId)),
  };
}

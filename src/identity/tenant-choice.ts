import { errors } from "../errors.ts";
import type { AllowedTenants, Principal } from "./principal.ts";

/**
 * Returns the tenant that a call acts for: the one it names if the credential allows it, or the only one
 * that the credential allows. Ids are compared letter by letter; nothing is decoded, trimmed or folded.
 *
 * Nothing is looked up, so a tenant that the caller may not act for is refused the same whether there is
 * one or not.
 *
 * @throws WellvaultError TENANT_MISSING when none is named and the credential does not say which,
 *   TENANT_DENIED when the credential does not allow it
 */
export function chooseTenant({ tenants, namedTenantId }: Principal): string {
  if (namedTenantId === undefined) {
    if (tenants === "all" || tenants.length > 1) throw errors.tenantMissing();
    const [only] = tenants;
    if (only === undefined) throw errors.tenantDenied();
    return only;
  }
  if (namedTenantId === "") throw errors.tenantMissing();
  if (tenants !== "all" && !tenants.includes(namedTenantId)) throw errors.tenantDenied();
  return namedTenantId;
}

/** The tenants that both credentials allow. */
export function inBoth(a: AllowedTenants, b: AllowedTenants): AllowedTenants {
  if (a === "all") return b;
  return b === "all" ? a : a.filter((id) => b.includes(id));
}

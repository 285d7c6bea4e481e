import { validate as isUuid } from "uuid";
import { type AllowedTenants, type Grant, isRole, type Role, roles } from "./principal.ts";

/** The roles that may act for every tenant there is, or be told of them: the platform's own. */
const platformRoles: readonly Role[] = ["platform_operator", "auditor", "ingest_service"];

/** The roles that need no tenant: what they call works on none. */
const tenantlessRoles: readonly Role[] = ["platform_operator", "auditor"];

/** What a credential says, before anything of it is believed. */
export interface GrantClaims {
  readonly subject: unknown;
  readonly role: unknown;
  readonly tenants: unknown;
  readonly employeeId: unknown;
}

/**
 * Reads what a credential grants, from the claims of a token or an entry of the certificates' file.
 *
 * @param refuse makes the error for a claim that cannot be used; told which and what it must be, and
 *   nothing of its value
 */
export function readGrant(claims: GrantClaims, refuse: (claim: keyof GrantClaims, expected: string) => Error): Grant {
  const { subject, role } = claims;
  if (typeof subject !== "string" || !/^[^\p{Cc}\p{Cs}]{1,256}$/u.test(subject)) {
    throw refuse("subject", "text of 1 to 256 characters without control characters");
  }
  if (!isRole(role)) throw refuse("role", `one of ${roles.join(", ")}`);
  const tenants = readTenants(claims.tenants, role);
  if (typeof tenants === "object" && "expected" in tenants) throw refuse("tenants", tenants.expected);
  if (role !== "employee") return { subject, role, tenants, employeeId: undefined };
  const { employeeId } = claims;
  if (typeof employeeId !== "string" || !isUuid(employeeId)) {
    throw refuse("employeeId", "the employee's own id, a UUID, for the role employee");
  }
  return { subject, role, tenants, employeeId: employeeId.toLowerCase() };
}

function readTenants(value: unknown, role: Role): AllowedTenants | { readonly expected: string } {
  if (value === undefined && tenantlessRoles.includes(role)) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!list.every((id) => typeof id === "string" && id !== "")) {
    return { expected: "a tenant id, a list of tenant ids, or * for all" };
  }
  if (list.includes("*")) {
    if (list.length > 1) return { expected: "* alone, or a list of tenant ids without it" };
    if (!platformRoles.includes(role)) return { expected: `tenant ids: only ${platformRoles.join(", ")} may have *` };
    return "all";
  }
  // An employee id belongs to one tenant.
  if (role === "employee" && list.length !== 1) return { expected: "one tenant id for the role employee" };
  if (list.length === 0 && !tenantlessRoles.includes(role)) return { expected: "one tenant id or more" };
  return list as readonly string[];
}

import { validate as isUuid } from "uuid";
import { errors } from "../errors.ts";
import { readIdentityMetadata } from "./metadata.ts";
import { type Authenticate, isRole, type Principal, roles } from "./principal.ts";

/**
 * Believes what the metadata says: `x-role`, `x-tenant-id` and, for an employee, `x-employee-id`.
 * A token beside them is not looked at. Nothing is proven, so this is only ever served on a loopback
 * address.
 */
export const developmentIdentity: Authenticate = ({ rawHeaders }): Principal => {
  const metadata = readIdentityMetadata(rawHeaders);
  const role = metadata["x-role"];
  if (!isRole(role)) throw errors.identityMissing("x-role", `one of ${roles.join(", ")}`);
  const named = metadata["x-tenant-id"];
  if (named === null) throw errors.tenantMissing();
  const caller = { role, tenants: "all", namedTenantId: named || undefined, via: undefined } as const;
  if (role !== "employee") return { ...caller, subject: `development-${role}`, employeeId: undefined };
  const employeeId = metadata["x-employee-id"];
  if (!employeeId || !isUuid(employeeId)) {
    throw errors.identityMissing("x-employee-id", "the employee's own id, a UUID");
  }
  return { ...caller, subject: `development-${role}`, employeeId: employeeId.toLowerCase() };
};

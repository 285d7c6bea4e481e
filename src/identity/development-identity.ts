import { validate as isUuid } from "uuid";
import { errors } from "../errors.ts";
import { type Authenticate, type Principal, type Role, roles } from "./principal.ts";

/**
 * Believes what the metadata says: `x-role`, `x-tenant-id` and, for an employee, `x-employee-id`.
 * Nothing is proven, so this is only ever served on a loopback address.
 */
export const developmentIdentity: Authenticate = (metadata): Principal => {
  const role = single(metadata, "x-role");
  if (!role || !isRole(role)) throw errors.identityMissing("x-role", `one of ${roles.join(", ")}`);
  const tenantId = single(metadata, "x-tenant-id");
  if (tenantId === null) throw errors.tenantMissing();
  if (role !== "employee") return { role, tenantId, employeeId: undefined };
  const employeeId = single(metadata, "x-employee-id");
  if (!employeeId || !isUuid(employeeId)) {
    throw errors.identityMissing("x-employee-id", "the employee's own id, a UUID");
  }
  return { role, tenantId, employeeId: employeeId.toLowerCase() };
};

/** The one value of a key, undefined when it is missing or empty, null when it is sent twice. */
function single(metadata: Headers, key: string): string | undefined | null {
  const value = metadata.get(key);
  if (!value) return undefined;
  // Headers joins the values of a repeated key by a comma, which none of these values can hold.
  return value.includes(",") ? null : value;
}

function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

import { errors } from "../errors.ts";

/** The error for a tenant that there is not. */
export function tenantNotFound(tenantId: string) {
  return errors.notFound({ type: "wellvault.v1.Tenant", name: tenantId });
}

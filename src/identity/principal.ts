/** What a caller is to the service. What each role may call is in access-rules.ts. */
export const roles = ["employee", "coach", "company_admin", "platform_operator", "auditor", "ingest_service"] as const;

/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/** Who makes a call, as its credential says. */
export interface Principal {
  /** What the caller is. */
  readonly role: Role;
  /** The tenant the call acts for, out of those the credential allows; undefined when it names none. */
  readonly tenantId: string | undefined;
  /** The caller's own employee id, in lower case; set for the role `employee` only. */
  readonly employeeId: string | undefined;
}

/**
 * Turns a call's metadata into a principal. It sees nothing of the request's body.
 *
 * @throws WellvaultError IDENTITY_MISSING or TENANT_MISSING when the metadata proves nothing
 */
export type Authenticate = (metadata: Headers) => Principal | Promise<Principal>;

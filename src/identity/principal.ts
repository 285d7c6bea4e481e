import type { X509Certificate } from "node:crypto";

/** What a caller is to the service. What each role may call is in access-rules.ts. */
export const roles = ["employee", "coach", "company_admin", "platform_operator", "auditor", "ingest_service"] as const;

/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/** Whether `value` is one of {@link roles}, letter by letter. */
export function isRole(value: unknown): value is Role {
  return (roles as readonly unknown[]).includes(value);
}

/** The tenants that a credential allows: a list of ids, which may be empty, or all there are. */
export type AllowedTenants = readonly string[] | "all";

/** What one credential proves. */
export interface Grant {
  /** Who it was issued to: an opaque id, at most 256 characters. */
  readonly subject: string;
  /** What the caller is. */
  readonly role: Role;
  /** The tenants it may act for. */
  readonly tenants: AllowedTenants;
  /** The caller's own employee id, in lower case; set for the role `employee` only. */
  readonly employeeId: string | undefined;
}

/** Who makes a call, as its credentials say. */
export interface Principal extends Grant {
  /** Who passed the call on for the principal, by its client certificate; undefined for a direct call. */
  readonly via: string | undefined;
  /** The tenant that the call names; undefined when it names none. Not checked yet: see tenant-choice.ts. */
  readonly namedTenantId: string | undefined;
}

/** The client certificate of a connection. */
export interface PeerCertificate {
  readonly certificate: X509Certificate;
  /** Whether it was signed by a trusted authority and good at the time of the handshake. */
  readonly trusted: boolean;
}

/** What a call brings to prove who makes it. */
export interface Credentials {
  /** The metadata as it came over the wire: names and values by turns, nothing joined and nothing dropped. */
  readonly rawHeaders: readonly string[];
  /** Undefined when the connection has no client certificate. */
  readonly peer: PeerCertificate | undefined;
}

/**
 * Turns what a call brings into a principal. It sees nothing of the request's body.
 *
 * @throws WellvaultError with the code UNAUTHENTICATED when it proves nothing, KEYS_UNAVAILABLE when that
 *   cannot be told at the moment
 */
export type Authenticate = (credentials: Credentials) => Principal | Promise<Principal>;

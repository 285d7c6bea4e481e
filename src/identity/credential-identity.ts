import { errors } from "../errors.ts";
import { readBearerToken } from "./bearer-token.ts";
import type { CertificateEntries, CertificateEntry } from "./certificate-entries.ts";
import { entryOfCertificate } from "./client-certificate.ts";
import { type IdentityMetadata, readIdentityMetadata } from "./metadata.ts";
import type { Authenticate, Grant, Principal } from "./principal.ts";
import { inBoth } from "./tenant-choice.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** What credentials are checked with. */
export interface CredentialChecks {
  /** Undefined when tokens are not accepted. */
  readonly tokens: TokenVerifier | undefined;
  /** The entries at the moment; undefined when client certificates are not accepted. */
  readonly certificates: () => CertificateEntries | undefined;
}

/** Who calls, by one credential or by both. */
type Proven = Omit<Principal, "namedTenantId">;

/**
 * Believes tokens and client certificates. With both, they must agree. `x-tenant-id` only chooses among the
 * tenants they allow; `x-role` and `x-employee-id` prove nothing and must not say something else.
 */
export function createCredentialIdentity({ tokens, certificates }: CredentialChecks): Authenticate {
  return async ({ rawHeaders, peer }) => {
    const metadata = readIdentityMetadata(rawHeaders);
    const token = readBearerToken(metadata.authorization);
    const entries = certificates();
    const entry = peer && entries ? entryOfCertificate(peer, entries) : undefined;
    if (token !== undefined && !tokens) {
      throw errors.tokenMalformed("this service takes no tokens; send none and connect with a client certificate");
    }
    const grant = token === undefined ? undefined : await tokens?.verify(token);
    const proven = combine(grant, entry);
    if (!proven) {
      const orCertificate = entries ? ", or connect with a client certificate" : "";
      throw tokens
        ? errors.identityMissing("authorization", `Bearer and a token${orCertificate}`)
        : errors.certificateMissing();
    }
    requireAgreement(proven, metadata);
    const named = metadata["x-tenant-id"];
    if (named === null) throw errors.tenantMissing();
    return { ...proven, namedTenantId: named };
  };
}

function combine(grant: Grant | undefined, entry: CertificateEntry | undefined): Proven | undefined {
  if (!grant || !entry) {
    const { subject, role, tenants, employeeId } = grant ?? entry ?? {};
    return subject && role && tenants ? { subject, role, tenants, employeeId, via: undefined } : undefined;
  }
  const tenants = inBoth(grant.tenants, entry.tenants);
  if (isSame(grant, entry)) return { ...grant, tenants, via: undefined };
  if (entry.forwards.includes(grant.role)) return { ...grant, tenants, via: entry.subject };
  throw errors.credentialsDisagree(
    "authorization",
    "the token is of another caller than the client certificate, which may not pass on calls of its role",
  );
}

function isSame(a: Grant, b: Grant): boolean {
  return a.subject === b.subject && a.role === b.role && a.employeeId === b.employeeId;
}

/**
 * Refuses metadata of the development identity that says something else than the credentials: whoever sent
 * it counts on being somebody that the call is not made as.
 */
function requireAgreement({ role, employeeId }: Proven, metadata: IdentityMetadata): void {
  const claimedRole = metadata["x-role"];
  if (claimedRole !== undefined && claimedRole !== role) {
    throw errors.credentialsDisagree("x-role", "leave x-role out; the role comes from the credentials");
  }
  const claimedId = metadata["x-employee-id"];
  if (claimedId !== undefined && (claimedId === null || claimedId.toLowerCase() !== employeeId)) {
    throw errors.credentialsDisagree("x-employee-id", "leave x-employee-id out; it comes from the credentials");
  }
}

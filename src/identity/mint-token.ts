import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { ClaimNames } from "./claim-names.ts";
import type { SigningKey } from "./development-key.ts";
import type { Role } from "./principal.ts";

/** What a token shall say. */
export interface TokenContents {
  readonly issuer: string;
  readonly audience: string;
  /** The principal, an opaque id. */
  readonly subject: string;
  readonly role: Role;
  /** Ids of tenants, or `*` alone for all; may be empty. */
  readonly tenants: readonly string[];
  readonly employeeId: string | undefined;
  /** How long it is good for, in seconds. */
  readonly lifetimeS: number;
}

/** Signs a token of the form that the service accepts. */
export async function mintToken(key: SigningKey, contents: TokenContents, claims: ClaimNames): Promise<string> {
  const { tenants } = contents;
  const issuedAt = Math.floor(Date.now() / 1_000);
  return await new SignJWT({
    [claims.role]: contents.role,
    ...(tenants.length > 0 ? { [claims.tenants]: tenants.length === 1 ? tenants[0] : tenants } : {}),
    ...(contents.employeeId === undefined ? {} : { [claims.employeeId]: contents.employeeId }),
  })
    .setProtectedHeader({ alg: key.algorithm, ...(key.publicJwk.kid ? { kid: key.publicJwk.kid } : {}), typ: "JWT" })
    .setIssuer(contents.issuer)
    .setAudience(contents.audience)
    .setSubject(contents.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + contents.lifetimeS)
    .setJti(randomUUID())
    .sign(key.privateKey);
}

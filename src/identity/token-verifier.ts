import { hash } from "node:crypto";
import { type CryptoKey, type JWTPayload, type JWTVerifyOptions, errors as joseErrors, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { errors, WellvaultError } from "../errors.ts";
import type { KeySet } from "./key-set.ts";
import type { Grant } from "./principal.ts";
import { type GrantClaims, readGrant } from "./read-grant.ts";
import { clockToleranceS, type TokenSettings } from "./token-settings.ts";

/** Finds out what tokens grant. */
export interface TokenVerifier {
  /**
   * Returns what a token grants.
   *
   * @throws WellvaultError TOKEN_MALFORMED, TOKEN_UNTRUSTED, TOKEN_EXPIRED, TOKEN_CLAIM_INVALID or
   *   KEYS_UNAVAILABLE
   */
  verify(token: string): Promise<Grant>;
  /** Forgets the tokens that were verified: to be called when the keys are others than before. */
  forget(): void;
}

/** How {@link createTokenVerifier} works besides the settings. */
export interface TokenVerifierOptions {
  readonly keys: KeySet;
  /** Told of keys that cannot be used, which is for whoever publishes them to mend. */
  readonly onWarning: (message: string) => void;
  /** Tokens remembered at most; 0 verifies each time. Default 10,000, some 5 MB. */
  readonly remember?: number;
}

/** How long a verified token is remembered, in milliseconds: how long one can outlive its key, too. */
const rememberMs = 60_000;

/** What a verified token granted, and until when by the wall clock. */
interface Remembered {
  readonly grant: Grant;
  readonly untilMs: number;
}

/**
 * Makes a verifier of signed tokens. A token that was verified is remembered by its SHA-256 for a minute at
 * most and never beyond its end, because a signature takes longer to verify than most calls take.
 */
export function createTokenVerifier(settings: TokenSettings, options: TokenVerifierOptions): TokenVerifier {
  const { keys, onWarning, remember = 10_000 } = options;
  const { claims } = settings;
  const names: Readonly<Record<keyof GrantClaims, string>> = { ...claims, subject: "sub" };
  const check: JWTVerifyOptions = {
    issuer: settings.issuer,
    audience: settings.audience,
    algorithms: [...settings.algorithms],
    clockTolerance: clockToleranceS,
    maxTokenAge: settings.maxAgeS,
    requiredClaims: ["exp"],
  };
  const cache = remember > 0 ? new LRUCache<string, Remembered>({ max: remember }) : undefined;
  // A verification that began before the keys changed must not be remembered after it.
  let generation = 0;

  function read(payload: JWTPayload): Grant {
    const said = {
      subject: payload.sub,
      role: payload[claims.role],
      tenants: payload[claims.tenants],
      employeeId: payload[claims.employeeId],
    };
    return readGrant(said, (claim, expected) => errors.tokenClaimInvalid(names[claim], expected));
  }

  return {
    async verify(token) {
      const id = hash("sha256", token, "base64");
      const known = cache?.get(id);
      if (known && Date.now() < known.untilMs) return known.grant;
      const begun = generation;
      const payload = await verifySignature(token, keys, check).catch((error: unknown) => {
        throw toTokenError(error, onWarning);
      });
      const grant = read(payload);
      const { exp = 0, iat = 0 } = payload;
      const endsS = Math.min(exp, iat + settings.maxAgeS) + clockToleranceS;
      if (begun === generation) cache?.set(id, { grant, untilMs: Math.min(endsS * 1_000, Date.now() + rememberMs) });
      return grant;
    },
    forget() {
      generation++;
      cache?.clear();
    },
  };
}

/** Verifies signature and times; tries every key that fits the token's header. */
async function verifySignature(token: string, keys: KeySet, check: JWTVerifyOptions): Promise<JWTPayload> {
  let others: readonly CryptoKey[] = [];
  try {
    const { payload } = await jwtVerify(
      token,
      async (header) => {
        const [first, ...rest] = await keys.find(header);
        if (!first) throw new joseErrors.JWKSNoMatchingKey();
        others = rest;
        return first;
      },
      check,
    );
    return payload;
  } catch (error) {
    if (!(error instanceof joseErrors.JWSSignatureVerificationFailed)) throw error;
    for (const key of others) {
      const result = await jwtVerify(token, key, check).catch((next: unknown) => {
        if (next instanceof joseErrors.JWSSignatureVerificationFailed) return undefined;
        throw next;
      });
      if (result) return result.payload;
    }
    throw error;
  }
}

function toTokenError(error: unknown, onWarning: (message: string) => void): WellvaultError {
  if (error instanceof WellvaultError) return error;
  if (error instanceof joseErrors.JWTExpired) return errors.tokenExpired(error.claim === "iat" ? "iat" : "exp", error);
  if (error instanceof joseErrors.JWTClaimValidationFailed) return toClaimError(error);
  if (error instanceof joseErrors.JWSSignatureVerificationFailed) return errors.tokenUntrusted("signature", error);
  if (error instanceof joseErrors.JOSEAlgNotAllowed) return errors.tokenUntrusted("algorithm", error);
  if (error instanceof joseErrors.JWKSNoMatchingKey) return errors.tokenUntrusted("key", error);
  if (error instanceof joseErrors.JWSInvalid || error instanceof joseErrors.JWTInvalid) {
    return errors.tokenMalformed("send a signed JWT");
  }
  if (error instanceof joseErrors.JOSENotSupported) return errors.tokenUntrusted("algorithm", error);
  // The key that the token names cannot be used: too short for its algorithm, say. Not a defect, and the
  // caller cannot be told more than that.
  onWarning("a key that tokens are signed with cannot be used: it does not suit its algorithm or cannot be read");
  return errors.tokenUntrusted("key", error);
}

function toClaimError(error: InstanceType<typeof joseErrors.JWTClaimValidationFailed>): WellvaultError {
  const { claim, reason } = error;
  if (reason === "check_failed") {
    if (claim === "nbf" || claim === "iat") return errors.tokenExpired(claim, error);
    if (claim === "iss" || claim === "aud") return errors.tokenUntrusted(claim, error);
  }
  if (claim === "iss" || claim === "aud") return errors.tokenUntrusted(claim, error);
  return errors.tokenClaimInvalid(claim, "there, as a number of seconds since 1970");
}

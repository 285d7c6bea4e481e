import { resolve } from "node:path";
import { ConfigError, isLoopback } from "../config.ts";
import { type ClaimNames, readClaimNames } from "./claim-names.ts";

/** Which tokens are accepted. */
export interface TokenSettings {
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must be or hold. */
  readonly audience: string;
  /** The algorithms that a token may be signed with; asymmetric ones only. */
  readonly algorithms: readonly string[];
  /** Where the keys come from: a JWKS that is fetched, or a file. */
  readonly keys: { readonly url: URL } | { readonly file: string };
  readonly claims: ClaimNames;
  /** How long after its `iat` a token is accepted, in seconds, whatever its `exp`. */
  readonly maxAgeS: number;
}

/** By how much the clocks of issuer and service may differ, in seconds. */
export const clockToleranceS = 30;

/** How long a token is accepted after it was issued unless WELLVAULT_JWT_MAX_AGE_S says otherwise, in seconds. */
export const defaultMaxAgeS = 86_400;

/** Signed by a private key that the service does not have: a key that verifies cannot sign. */
const asymmetric = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

/** The settings without which no token can be checked. */
const obligatory = ["WELLVAULT_JWT_ISSUER", "WELLVAULT_JWT_AUDIENCE", "WELLVAULT_JWT_ALGORITHMS"] as const;

/**
 * Reads the settings of tokens from `env`, or returns undefined when there are none.
 *
 * @throws ConfigError when one is missing or cannot be used
 */
export function readTokenSettings(env: Readonly<Record<string, string | undefined>>): TokenSettings | undefined {
  if (!Object.keys(env).some((name) => name.startsWith("WELLVAULT_JW") && env[name])) return undefined;
  const [issuer, audience, algorithms] = obligatory.map((name) => {
    const value = env[name];
    if (value) return value;
    throw new ConfigError(
      `${name} is missing: a token is only accepted when ${obligatory.join(", ")} all say what it must hold.`,
    );
  }) as [string, string, string];
  return {
    issuer,
    audience,
    algorithms: readAlgorithms(algorithms),
    keys: readKeySource(env),
    claims: readClaimNames(env),
    maxAgeS: readMaxAge(env["WELLVAULT_JWT_MAX_AGE_S"]),
  };
}

function readAlgorithms(text: string): string[] {
  const algorithms = text.split(",").map((name) => name.trim());
  if (algorithms.every((name) => asymmetric.includes(name))) return algorithms;
  throw new ConfigError(
    `WELLVAULT_JWT_ALGORITHMS must be a list of ${asymmetric.join(", ")}, separated by commas. ` +
      "Algorithms with a shared secret (HS...) and none are not accepted: whoever can verify could sign.",
  );
}

function readKeySource(env: Readonly<Record<string, string | undefined>>): TokenSettings["keys"] {
  const { WELLVAULT_JWKS_URL: url, WELLVAULT_JWT_KEYS_FILE: file } = env;
  if (Boolean(url) === Boolean(file)) {
    throw new ConfigError(
      "Exactly one of WELLVAULT_JWKS_URL and WELLVAULT_JWT_KEYS_FILE must say where the keys of tokens come from.",
    );
  }
  if (file) return { file: resolve(file) };
  const parsed = URL.parse(url ?? "");
  const host = parsed?.hostname.replace(/^\[|\]$/g, "") ?? "";
  if (!parsed || !(parsed.protocol === "https:" || (parsed.protocol === "http:" && isLoopback(host)))) {
    throw new ConfigError("WELLVAULT_JWKS_URL must be an https URL; http is for loopback addresses only.");
  }
  if (parsed.username || parsed.password) {
    throw new ConfigError("WELLVAULT_JWKS_URL must hold no user or password: public keys need none.");
  }
  return { url: parsed };
}

function readMaxAge(text: string | undefined): number {
  if (!text) return defaultMaxAgeS;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 60 && value <= 31_536_000) return value;
  throw new ConfigError("WELLVAULT_JWT_MAX_AGE_S must be a whole number of seconds from 60 to 31536000.");
}

import { type CryptoKey, createLocalJWKSet, type JWK, type JWSHeaderParameters, errors as joseErrors } from "jose";

/** Finds the keys that may have signed a token. */
export interface KeySet {
  /** Returns the keys that fit the header of a token: its `kid`, if both have one, and its algorithm. */
  find(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;
}

/** Keys tried for one token at most; each costs the verification of a signature. */
const maxCandidates = 8;

/** Makes a set of public keys. Keys that cannot verify a signature are passed over. */
export function createKeySet(jwks: readonly JWK[]): KeySet {
  const named = createLocalJWKSet({ keys: jwks.filter((jwk) => jwk.kid !== undefined) });
  // A key without a name, as PEM files have them, may be that of any token.
  const nameless = createLocalJWKSet({ keys: jwks.filter((jwk) => jwk.kid === undefined) });
  return {
    async find(header) {
      const { kid: _, ...anyName } = header;
      const found = [...(await matching(named, header)), ...(await matching(nameless, anyName))];
      return found.slice(0, maxCandidates);
    },
  };
}

async function matching(
  set: ReturnType<typeof createLocalJWKSet>,
  header: Omit<JWSHeaderParameters, "kid">,
): Promise<CryptoKey[]> {
  try {
    return [await set(header as JWSHeaderParameters)];
  } catch (error) {
    if (error instanceof joseErrors.JWKSNoMatchingKey) return [];
    if (!(error instanceof joseErrors.JWKSMultipleMatchingKeys)) throw error;
    const keys: CryptoKey[] = [];
    for await (const key of error) {
      keys.push(key);
      if (keys.length === maxCandidates) break;
    }
    return keys;
  }
}

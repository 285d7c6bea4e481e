import { createPublicKey } from "node:crypto";
import type { JWK } from "jose";
import { ConfigError } from "../config.ts";

/** Kinds of keys that verify what another key signed. */
const publicKinds = ["EC", "RSA", "OKP"];

const setting = "WELLVAULT_JWT_KEYS_FILE";

/**
 * Reads public keys from the text of a file: a JWKS, or one PEM block or more.
 *
 * @throws ConfigError when it holds none, or a key that could sign: such a file should not be here at all
 */
export function parseKeys(text: string): JWK[] {
  const keys = text.trimStart().startsWith("{") ? fromJwks(text) : fromPem(text);
  if (keys.length === 0) throw new ConfigError(`${setting} must hold at least one public key, as a JWKS or as PEM.`);
  return keys;
}

/** Whether a key is public and of a kind that verifies signatures. */
export function isPublicKey(jwk: unknown): jwk is JWK {
  if (typeof jwk !== "object" || jwk === null || !("kty" in jwk)) return false;
  return publicKinds.includes(String(jwk.kty)) && !("d" in jwk) && !("k" in jwk);
}

function fromJwks(text: string): JWK[] {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown }).keys;
  } catch {
    // Told below: what JSON.parse says repeats the file.
  }
  if (!Array.isArray(keys)) throw new ConfigError(`${setting} must be a JWKS, {"keys": [...]}, or PEM.`);
  if (keys.every(isPublicKey)) return keys.map(importable);
  throw new ConfigError(
    `${setting} must hold public keys only (EC, RSA or OKP): take out private keys and shared secrets (oct).`,
  );
}

function fromPem(text: string): JWK[] {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw new ConfigError(`${setting} must hold public keys only: take out the private key.`);
  }
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  return blocks.map((pem) => {
    try {
      return createPublicKey(pem).export({ format: "jwk" }) as JWK;
    } catch {
      throw new ConfigError(`${setting} holds a PEM block that is no public key.`);
    }
  });
}

function importable(jwk: JWK): JWK {
  try {
    createPublicKey({ key: jwk as import("node:crypto").JsonWebKey, format: "jwk" });
    return jwk;
  } catch {
    throw new ConfigError(`${setting} holds a key that cannot be read. Replace it by the issuer's public key.`);
  }
}

import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importPKCS8,
  type JWK,
} from "jose";
import { ConfigError } from "../config.ts";

/** A private key that tokens are signed with, and the public half that verifies them. */
export interface SigningKey {
  /** Algorithm of its signatures, such as `ES256`. */
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  /** The public key with its `kid` and `alg`, as it stands in a JWKS. */
  readonly publicJwk: JWK;
}

/** A signing key of the data folder. */
export interface DevelopmentKey extends SigningKey {
  /** File with the public key as a JWKS, for WELLVAULT_JWT_KEYS_FILE. */
  readonly keysFile: string;
}

/** Algorithms that a key is tried for, the development key's first. */
const algorithms = ["ES256", "EdDSA", "RS256", "ES384", "ES512"];

/**
 * Returns the development key of a data folder: `development-key.pem`, which only its owner may read.
 * Makes it the first time, and whenever it is missing.
 *
 * @param folder made when it is missing
 * @throws ConfigError when others may read the key
 */
export async function openDevelopmentKey(folder: string): Promise<DevelopmentKey> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "development-key.pem");
  if (!(await exists(file))) await createKey(file);
  if (((await stat(file)).mode & 0o077) !== 0) {
    throw new ConfigError(`${file} may be read by others, who could sign tokens by it: chmod 600 it, or remove it.`);
  }
  const key = await readSigningKey(file);
  const keysFile = join(folder, "development-keys.json");
  await writeFile(keysFile, `${JSON.stringify({ keys: [key.publicJwk] }, null, 2)}\n`);
  return { ...key, keysFile };
}

/**
 * Reads a private key from a PEM file (PKCS #8): EC, Ed25519 or RSA of 2,048 bits or more.
 *
 * @throws ConfigError when the file holds no such key
 */
export async function readSigningKey(file: string): Promise<SigningKey> {
  const pem = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${file} must be a file with a private key that can be read (${error.code}).`);
  });
  for (const algorithm of algorithms) {
    const privateKey = await importPKCS8(pem, algorithm, { extractable: true }).catch(() => undefined);
    if (!privateKey) continue;
    const { kty, crv, x, y, n, e } = await exportJWK(privateKey);
    // Only what is named here: the rest of an exported private key is private.
    const half = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value)) as JWK;
    const kid = await calculateJwkThumbprint(half);
    return { algorithm, privateKey, publicJwk: { ...half, kid, alg: algorithm, use: "sig" } };
  }
  throw new ConfigError(`${file} must hold a private key as PEM (PKCS #8): EC, Ed25519 or RSA.`);
}

async function createKey(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, await exportPKCS8(privateKey), { mode: 0o600 });
    // Whole or not at all, and the first of two at once wins: both then read the same key.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return await readFile(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

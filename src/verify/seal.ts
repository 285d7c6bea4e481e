import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { Report } from "./report.ts";

/** What shows that a report was not changed since, and, with a signature, who made it. */
export interface Seal {
  /** SHA-256 of the report in its canonical form, in hexadecimal. */
  readonly digest: string;
  /** Null when no key was given. */
  readonly signature: {
    readonly algorithm: "Ed25519";
    /** SPKI in PEM. Who reads the report compares it with the key that they know. */
    readonly publicKey: string;
    /** Of the canonical form, in Base64. */
    readonly value: string;
  } | null;
}

/** A report as it is filed. */
export interface SealedReport {
  readonly report: Report;
  readonly seal: Seal;
}

/**
 * Returns a value as JSON in one form only: without white space, the members of objects in the order of
 * their names. The same report has the same text however it was written down.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

/**
 * Seals a report.
 *
 * @param privateKey an Ed25519 key in PEM (PKCS #8); without one there is a digest and no signature
 * @throws Error when the key is of another kind
 */
export function sealReport(report: Report, privateKey?: string): SealedReport {
  const text = Buffer.from(canonicalJson(report));
  const digest = createHash("sha256").update(text).digest("hex");
  if (privateKey === undefined) return { report, seal: { digest, signature: null } };
  const key = createPrivateKey(privateKey);
  if (key.asymmetricKeyType !== "ed25519") throw new Error("The signing key must be an Ed25519 key.");
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
  const value = sign(null, text, key).toString("base64");
  return { report, seal: { digest, signature: { algorithm: "Ed25519", publicKey, value } } };
}

/** What the check of a filed report found. */
export interface SealCheck {
  /** Whether the report is the one that the digest was made of. */
  readonly digest: boolean;
  /** Whether the signature is right; undefined when there is none. */
  readonly signature: boolean | undefined;
  /** Whether it was made with the key that was given; undefined when none was. */
  readonly trusted: boolean | undefined;
}

/**
 * Checks a filed report.
 *
 * @param publicKey the key that it must be signed with, in PEM
 */
export function checkSeal({ report, seal }: SealedReport, publicKey?: string): SealCheck {
  const text = Buffer.from(canonicalJson(report));
  const digest = createHash("sha256").update(text).digest("hex") === seal.digest;
  const { signature } = seal;
  if (!signature) return { digest, signature: undefined, trusted: publicKey === undefined ? undefined : false };
  const right = isSignedBy(signature.publicKey);
  return { digest, signature: right, trusted: publicKey === undefined ? undefined : isSignedBy(publicKey) };

  function isSignedBy(pem: string): boolean {
    try {
      const key = createPublicKey(pem);
      const value = Buffer.from(signature?.value ?? "", "base64");
      return key.asymmetricKeyType === "ed25519" && verify(null, text, key, value);
    } catch {
      return false;
    }
  }
}

import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { JWK } from "jose";
import { ConfigError } from "../config.ts";
import { type CertificateEntries, parseCertificateEntries } from "./certificate-entries.ts";
import type { CredentialSettings, TlsFiles } from "./identity-settings.ts";
import { parseKeys } from "./keys-file.ts";

/** What the service speaks TLS with. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates; undefined asks for none. */
  readonly ca: string | undefined;
}

/** What the files of the settings hold. */
export interface IdentityFiles {
  readonly keys: readonly JWK[] | undefined;
  readonly certificates: CertificateEntries | undefined;
  readonly tls: TlsMaterial | undefined;
}

/**
 * Reads every file that the settings name. All of them are usable, or none is returned.
 *
 * @throws ConfigError naming the setting whose file is missing or cannot be used
 */
export async function readIdentityFiles(settings: CredentialSettings): Promise<IdentityFiles> {
  const keys = settings.tokens && "file" in settings.tokens.keys ? settings.tokens.keys.file : undefined;
  const { certificatesFile: certificates, tls } = settings;
  return {
    keys: keys === undefined ? undefined : parseKeys(await read("WELLVAULT_JWT_KEYS_FILE", keys)),
    certificates:
      certificates === undefined
        ? undefined
        : parseCertificateEntries(await read("WELLVAULT_CERTIFICATES_FILE", certificates)),
    tls: tls && (await readTls(tls)),
  };
}

/** A text that changes whenever one of the files does. */
export async function fileStamp({ tokens, certificatesFile, tls }: CredentialSettings): Promise<string> {
  const keys = tokens && "file" in tokens.keys ? tokens.keys.file : undefined;
  const files = [keys, certificatesFile, tls?.certificate, tls?.key, tls?.clientAuthorities];
  const stamps = files.map(async (file) => {
    if (file === undefined) return "";
    // Its target, where an orchestrator swaps a symbolic link for another one.
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs}`;
  });
  return (await Promise.all(stamps.map((stamp) => stamp.catch(() => "missing")))).join("|");
}

async function readTls(files: TlsFiles): Promise<TlsMaterial> {
  const material = {
    cert: await read("WELLVAULT_TLS_CERT_FILE", files.certificate),
    key: await read("WELLVAULT_TLS_KEY_FILE", files.key),
    ca: files.clientAuthorities && (await read("WELLVAULT_TLS_CLIENT_CA_FILE", files.clientAuthorities)),
  };
  try {
    createSecureContext({ cert: material.cert, key: material.key });
  } catch {
    throw new ConfigError(
      "WELLVAULT_TLS_CERT_FILE and WELLVAULT_TLS_KEY_FILE must hold a certificate and its own private key, as PEM.",
    );
  }
  if (material.ca !== undefined && !areCertificates(material.ca)) {
    throw new ConfigError("WELLVAULT_TLS_CLIENT_CA_FILE must hold certificates of authorities, as PEM.");
  }
  return material;
}

/** Whether a text holds one certificate or more. OpenSSL passes over what is none, and would trust nobody. */
function areCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((pem) => new X509Certificate(pem)).length > 0;
  } catch {
    return false;
  }
}

async function read(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ConfigError(`${setting} must be a file that the service can read (${code}): ${file}.`);
  }
}

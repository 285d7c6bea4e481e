import { resolve } from "node:path";
import { ConfigError, isLoopback } from "../config.ts";
import { readTokenSettings, type TokenSettings } from "./token-settings.ts";

/** The files that the service speaks TLS with. They may change while it runs. */
export interface TlsFiles {
  /** The service's certificate and what leads to its authority, PEM. */
  readonly certificate: string;
  /** Its private key, PEM. */
  readonly key: string;
  /** The authorities whose client certificates are trusted, PEM; undefined asks for none. */
  readonly clientAuthorities: string | undefined;
}

/** Believes metadata. */
export interface DevelopmentSettings {
  readonly mode: "development";
  /** Whether it was demanded for a database that may hold real data. */
  readonly forced: boolean;
}

/** Believes tokens and client certificates only. */
export interface CredentialSettings {
  readonly mode: "credentials";
  /** Undefined accepts no token. */
  readonly tokens: TokenSettings | undefined;
  /** File that says who each client certificate is; undefined accepts none. */
  readonly certificatesFile: string | undefined;
  /** Undefined speaks plain text. */
  readonly tls: TlsFiles | undefined;
  /** Whether plain text may be served to other machines, because something in front ends TLS. */
  readonly plaintextAllowed: boolean;
}

/** How the service finds out who calls. */
export type IdentitySettings = DevelopmentSettings | CredentialSettings;

type Env = Readonly<Record<string, string | undefined>>;

/** Where the service is and what it works on, as far as it matters here. */
interface Surroundings {
  readonly host: string;
  readonly databaseUrl: string | undefined;
}

/**
 * Reads the settings of identity from `env`.
 *
 * @throws ConfigError when one cannot be used, or when together they would believe what is not proven
 */
export function readIdentitySettings(env: Env, surroundings: Surroundings): IdentitySettings {
  const mode = env["WELLVAULT_IDENTITY"] || (surroundings.databaseUrl ? undefined : "development");
  if (mode === undefined) {
    throw new ConfigError(
      "WELLVAULT_IDENTITY must be set with DATABASE_URL: to credentials, with the settings of tokens or client " +
        "certificates; or to development, which believes whatever a caller says, when the database holds no real data.",
    );
  }
  if (mode !== "development" && mode !== "credentials") {
    throw new ConfigError("WELLVAULT_IDENTITY must be development or credentials.");
  }
  const settings = mode === "development" ? readDevelopment(env, surroundings) : readCredentials(env);
  requireSafeHost(settings, surroundings.host);
  return settings;
}

/**
 * Refuses to be reached by other machines where callers or their credentials would be unprotected.
 *
 * @throws ConfigError when `host` is no loopback address and the settings do not allow that
 */
export function requireSafeHost(settings: IdentitySettings, host: string): void {
  if (isLoopback(host)) return;
  if (settings.mode === "development") {
    throw new ConfigError(
      "WELLVAULT_HOST must be a loopback address: the development identity believes whatever a caller says. " +
        "WELLVAULT_IDENTITY=credentials serves other addresses.",
    );
  }
  if (settings.tls || settings.plaintextAllowed) return;
  throw new ConfigError(
    "WELLVAULT_HOST is no loopback address, so tokens and data would travel in plain text. Set " +
      "WELLVAULT_TLS_CERT_FILE and WELLVAULT_TLS_KEY_FILE, or WELLVAULT_PLAINTEXT=allow if a proxy in front ends TLS.",
  );
}

function readDevelopment(env: Env, { databaseUrl }: Surroundings): DevelopmentSettings {
  // They would have no effect, and whoever set them counts on one.
  const idle = Object.keys(env).filter(
    (name) => /^WELLVAULT_(JWKS|JWT|TLS|CERTIFICATES|PLAINTEXT)/.test(name) && env[name],
  );
  if (idle.length > 0) {
    throw new ConfigError(
      `${idle.join(", ")} has no effect with the development identity. Set WELLVAULT_IDENTITY=credentials, or unset it.`,
    );
  }
  return { mode: "development", forced: databaseUrl !== undefined };
}

function readCredentials(env: Env): CredentialSettings {
  const tokens = readTokenSettings(env);
  const tls = readTlsFiles(env);
  const certificatesFile = pathOf(env, "WELLVAULT_CERTIFICATES_FILE");
  if (Boolean(certificatesFile) !== Boolean(tls?.clientAuthorities)) {
    throw new ConfigError(
      "WELLVAULT_CERTIFICATES_FILE and WELLVAULT_TLS_CLIENT_CA_FILE must be set together, with " +
        "WELLVAULT_TLS_CERT_FILE and WELLVAULT_TLS_KEY_FILE: one says whom a certificate stands for, one which to trust.",
    );
  }
  if (!tokens && !certificatesFile) {
    throw new ConfigError(
      "WELLVAULT_IDENTITY=credentials needs something to prove who calls: set WELLVAULT_JWT_ISSUER, " +
        "WELLVAULT_JWT_AUDIENCE, WELLVAULT_JWT_ALGORITHMS and WELLVAULT_JWKS_URL or WELLVAULT_JWT_KEYS_FILE for tokens, " +
        "or WELLVAULT_CERTIFICATES_FILE for client certificates.",
    );
  }
  const plaintext = env["WELLVAULT_PLAINTEXT"] || undefined;
  if (plaintext !== undefined && plaintext !== "allow")
    throw new ConfigError("WELLVAULT_PLAINTEXT must be allow, or unset.");
  return { mode: "credentials", tokens, certificatesFile, tls, plaintextAllowed: plaintext === "allow" };
}

function readTlsFiles(env: Env): TlsFiles | undefined {
  const certificate = pathOf(env, "WELLVAULT_TLS_CERT_FILE");
  const key = pathOf(env, "WELLVAULT_TLS_KEY_FILE");
  const clientAuthorities = pathOf(env, "WELLVAULT_TLS_CLIENT_CA_FILE");
  if (certificate && key) return { certificate, key, clientAuthorities };
  if (!certificate && !key && !clientAuthorities) return undefined;
  throw new ConfigError("WELLVAULT_TLS_CERT_FILE and WELLVAULT_TLS_KEY_FILE must be set together, to speak TLS.");
}

function pathOf(env: Env, name: string): string | undefined {
  const path = env[name];
  return path ? resolve(path) : undefined;
}

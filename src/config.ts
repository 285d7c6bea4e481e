import { isIPv4 } from "node:net";

/** The service's settings, read from environment variables once at start. */
export interface Config {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 lets the system choose one. */
  readonly port: number;
  /**
   * URL of the database as the role that migrates it, or undefined for the embedded server.
   * PostgreSQL 16 to 18.
   */
  readonly databaseUrl: string | undefined;
  /** Folder of the embedded server's data. */
  readonly dataDir: string;
  /** Secret that the passwords of the service's own logins are derived from. */
  readonly loginSecret: string | undefined;
  /** Secret that the key of the tenant tokens is derived from; the login secret when there is none. */
  readonly tokenSecret: string | undefined;
  /** Logins of the data plane, over which vaults are spread. */
  readonly dataLogins: number;
  /** Whether a start migrates the database. When it does not, the start checks that it need not. */
  readonly migrate: boolean;
  /** Connections to the database that data calls share. */
  readonly poolSize: number;
  /** How long a data call waits for one of them before it is turned away, in milliseconds; {@link maxTimeoutMs} at most. */
  readonly poolWaitMs: number;
  /** Deadline of a call that names none, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** Longest deadline a call gets, in milliseconds; a longer one is shortened to it. */
  readonly maxTimeoutMs: number;
  /** Connections of callers that may be open at the same time; what comes beyond is closed. */
  readonly maxConnections: number;
  /** How long running calls may take to finish when the server is told to stop, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** Streams of samples that may be open at the same time; one tenant gets a quarter. */
  readonly sampleStreams: number;
  /** How long a stream may stand still because its caller sends nothing or reads nothing, in milliseconds. */
  readonly streamIdleMs: number;
  /** Whether unary gRPC takes the lean path; otherwise Connect serves it like all the rest. */
  readonly leanUnary: boolean;
  /** pino's level: what is logged at least. */
  readonly logLevel: string;
}

/** {@link Config.poolWaitMs} unless it is set. */
export const defaultPoolWaitMs = 5_000;

/** A setting that cannot be used. The message names the variable and says what it must be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

/**
 * Reads the settings from `env`.
 *
 * Variables and defaults: `WELLVAULT_HOST` 127.0.0.1, `WELLVAULT_PORT` 8080, `DATABASE_URL` (none),
 * `WELLVAULT_DATA_DIR` data, `WELLVAULT_LOGIN_SECRET` (none), `WELLVAULT_TOKEN_SECRET` (none),
 * `WELLVAULT_DATA_LOGINS` 1, `WELLVAULT_MIGRATE` on, `WELLVAULT_POOL_SIZE` 10, `WELLVAULT_POOL_WAIT_MS` 5000,
 * `WELLVAULT_DEFAULT_TIMEOUT_MS` 10000, `WELLVAULT_MAX_TIMEOUT_MS` 60000,
 * `WELLVAULT_MAX_CONNECTIONS` 2048, `WELLVAULT_DRAIN_TIMEOUT_MS` 10000, `WELLVAULT_SAMPLE_STREAMS` 256, `WELLVAULT_STREAM_IDLE_MS` 60000,
 * `WELLVAULT_LEAN_UNARY` on, `WELLVAULT_LOG_LEVEL` info.
 *
 * @throws ConfigError when a variable cannot be used.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const maxTimeoutMs = integer(env, "WELLVAULT_MAX_TIMEOUT_MS", 60_000, 1, 3_600_000);
  const config: Config = {
    host: env["WELLVAULT_HOST"] || "127.0.0.1",
    port: integer(env, "WELLVAULT_PORT", 8080, 0, 65_535),
    databaseUrl: databaseUrl(env["DATABASE_URL"]),
    dataDir: env["WELLVAULT_DATA_DIR"] || "data",
    loginSecret: env["WELLVAULT_LOGIN_SECRET"] || undefined,
    tokenSecret: env["WELLVAULT_TOKEN_SECRET"] || undefined,
    dataLogins: integer(env, "WELLVAULT_DATA_LOGINS", 1, 1, 99),
    migrate: oneOf(env, "WELLVAULT_MIGRATE", ["on", "off"]) === "on",
    poolSize: integer(env, "WELLVAULT_POOL_SIZE", 10, 1, 1_000),
    // No unary call waits longer than that.
    poolWaitMs: Math.min(integer(env, "WELLVAULT_POOL_WAIT_MS", defaultPoolWaitMs, 1, 3_600_000), maxTimeoutMs),
    defaultTimeoutMs: integer(env, "WELLVAULT_DEFAULT_TIMEOUT_MS", 10_000, 1, 3_600_000),
    maxTimeoutMs,
    maxConnections: integer(env, "WELLVAULT_MAX_CONNECTIONS", 2_048, 1, 1_000_000),
    drainTimeoutMs: integer(env, "WELLVAULT_DRAIN_TIMEOUT_MS", 10_000, 0, 600_000),
    sampleStreams: integer(env, "WELLVAULT_SAMPLE_STREAMS", 256, 1, 100_000),
    streamIdleMs: integer(env, "WELLVAULT_STREAM_IDLE_MS", 60_000, 1, 3_600_000),
    leanUnary: oneOf(env, "WELLVAULT_LEAN_UNARY", ["on", "off"]) === "on",
    logLevel: env["WELLVAULT_LOG_LEVEL"] || "info",
  };
  if (config.defaultTimeoutMs > config.maxTimeoutMs) {
    throw new ConfigError("WELLVAULT_DEFAULT_TIMEOUT_MS must not be greater than WELLVAULT_MAX_TIMEOUT_MS.");
  }
  if (!logLevels.includes(config.logLevel)) {
    throw new ConfigError(`WELLVAULT_LOG_LEVEL must be one of ${logLevels.join(", ")}.`);
  }
  return config;
}

/** Whether `host` is an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Returns the word that a setting names, or the first of those it may name when it is not set. */
function oneOf(env: Readonly<Record<string, string | undefined>>, name: string, words: readonly string[]): string {
  const word = env[name] || words[0];
  if (word === undefined || !words.includes(word)) throw new ConfigError(`${name} must be ${words.join(" or ")}.`);
  return word;
}

function integer(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new ConfigError(`${name} must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

function databaseUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const url = URL.parse(text);
  if (!url || !["postgres:", "postgresql:"].includes(url.protocol) || url.pathname.length < 2) {
    throw new ConfigError("DATABASE_URL must look like postgresql://user:password@host:5432/database.");
  }
  return text;
}

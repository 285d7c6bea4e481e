import { resolve } from "node:path";
import { type Config, ConfigError, readConfig } from "../config.ts";
import { readEmbeddedUrl } from "../database/embedded-server.ts";
import { loginUrl, requireLoginSecret, roleOf } from "../database/logins.ts";
import { deriveTokenKey, type TokenKey } from "../database/token-key.ts";

/** The database that a command works on, by the same settings as the service. */
export interface CommandDatabase {
  readonly config: Config;
  /** URL as the migrating role. */
  readonly url: string;
  /** Name of the migrating role. */
  readonly migrator: string;
  /** Returns the URL as one of the service's logins. */
  readonly urlOf: (login: string) => string;
  /** The key that this configuration signs tenant tokens with. */
  readonly tokenKey: TokenKey;
}

/**
 * Finds the database of the environment: that of DATABASE_URL, or the embedded one of the data folder, which
 * runs as long as the service does.
 *
 * @throws ConfigError when there is none
 */
export async function databaseOf(env: Readonly<Record<string, string | undefined>>): Promise<CommandDatabase> {
  const config = readConfig(env);
  const folder = resolve(config.dataDir);
  const url = config.databaseUrl ?? (await readEmbeddedUrl(folder));
  if (!url) {
    throw new ConfigError(
      `There is no database in ${folder}. Set DATABASE_URL, or start the service, which starts the embedded one.`,
    );
  }
  return {
    config,
    url,
    migrator: roleOf(url),
    urlOf: (login) => loginUrl(url, login, config.loginSecret),
    tokenKey: deriveTokenKey(config.tokenSecret ?? requireLoginSecret(url, config.loginSecret)),
  };
}

import { createHmac } from "node:crypto";
import pg from "pg";
import { ConfigError } from "../config.ts";
import { sqlStateOf } from "./sqlstate.ts";

/** The logins of the control plane and of auditors, made by `sql/control`. */
const fixedLogins = ["wellvault_control", "wellvault_auditor"] as const;

/** The data plane's login that every database has; see {@link dataLogins}. */
export const firstDataLogin = "wellvault_app";

/** Data-plane logins at most. */
export const maxDataLogins = 99;

/** Names of the first `count` logins of the data plane, over which vaults are spread. */
export function dataLogins(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    index === 0 ? firstDataLogin : `${firstDataLogin}_${String(index + 1).padStart(2, "0")}`,
  );
}

/**
 * Returns the URL of the database of `migratorUrl` for one of the service's own logins.
 *
 * The password is derived from the secret, so every process of the service knows it and none has to
 * store it: changing the secret changes it at the next start.
 *
 * @param secret defaults to the password in `migratorUrl`
 */
export function loginUrl(migratorUrl: string, login: string, secret: string | undefined): string {
  const url = new URL(migratorUrl);
  const key = requireLoginSecret(migratorUrl, secret);
  // As parameters these win over what stands before the host, and the login would be the migrating role's.
  url.searchParams.delete("user");
  url.searchParams.delete("password");
  url.username = login;
  url.password = createHmac("sha256", key).update(`wellvault login ${login}`).digest("base64url");
  return url.href;
}

/** Returns the role that a URL logs in as. */
export function roleOf(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  return url.searchParams.get("user") ?? decodeURIComponent(url.username);
}

/**
 * Returns the secret that the logins' passwords are derived from.
 *
 * @throws ConfigError when there is none
 */
export function requireLoginSecret(migratorUrl: string, secret: string | undefined): string {
  const url = new URL(migratorUrl);
  const key = secret ?? (decodeURIComponent(url.password) || (url.searchParams.get("password") ?? ""));
  if (key !== "") return key;
  throw new ConfigError(
    "DATABASE_URL holds no password to derive the logins' passwords from: set WELLVAULT_LOGIN_SECRET.",
  );
}

/**
 * Adds the data plane's logins that are missing, up to `count`. None is ever taken away: vaults may
 * belong to it.
 *
 * @returns the logins that were added
 */
export async function addDataLogins(client: pg.Client, count: number): Promise<readonly string[]> {
  const { rows } = await client.query<{ login: string }>("select login::text as login from control.data_logins");
  const known = new Set(rows.map((row) => row.login));
  const missing = dataLogins(count).filter((name) => !known.has(name));
  for (const login of missing) {
    await client.query("begin");
    try {
      await client.query("select control.add_data_login($1)", [login]);
      await client.query("commit");
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
  }
  return missing;
}

/**
 * Gives the logins the passwords of {@link loginUrl} where they do not have them yet.
 *
 * @returns the logins whose password was set
 * @throws Error when a URL logs in as another role than the login, so that the walls would be missing
 */
export async function setLoginPasswords(
  client: pg.Client,
  migratorUrl: string,
  secret: string | undefined,
): Promise<string[]> {
  const { rows } = await client.query<{ login: string }>("select login::text as login from control.data_logins");
  const changed: string[] = [];
  for (const login of [...fixedLogins, ...rows.map((row) => row.login)]) {
    const url = loginUrl(migratorUrl, login, secret);
    if (await canLogIn(url, login)) continue;
    const password = decodeURIComponent(new URL(url).password);
    await client.query(`alter role ${login} password ${client.escapeLiteral(password)}`);
    changed.push(login);
  }
  return changed;
}

async function canLogIn(url: string, login: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // The failure itself reaches us through the query that was running.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>("select session_user::text as name");
    if (rows[0]?.name === login) return true;
    throw new Error(
      `DATABASE_URL leads every login to the role ${rows[0]?.name}. Name user and password before the host only.`,
    );
  } catch (error) {
    // 28P01 invalid_password, 28000 invalid_authorization_specification
    if (["28P01", "28000"].includes(sqlStateOf(error) ?? "")) return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

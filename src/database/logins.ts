import { createHmac } from "node:crypto";
import pg from "pg";
import { sqlStateOf } from "./sqlstate.ts";

/** The logins of the service, made by `sql/control`. */
export type Login = "wellvault_app" | "wellvault_control";

const logins: readonly Login[] = ["wellvault_app", "wellvault_control"];

/**
 * Returns the URL of the database of `migratorUrl` for one of the service's own logins.
 *
 * The password is derived from the secret, so every process of the service knows it and none has to
 * store it: changing the secret changes it at the next start.
 *
 * @param secret defaults to the password in `migratorUrl`
 */
export function loginUrl(migratorUrl: string, login: Login, secret: string | undefined): string {
  const url = new URL(migratorUrl);
  const key = secret ?? (decodeURIComponent(url.password) || (url.searchParams.get("password") ?? ""));
  if (key === "") {
    throw new Error("DATABASE_URL holds no password to derive the logins' passwords from: set WELLVAULT_LOGIN_SECRET.");
  }
  // As parameters these win over what stands before the host, and the login would be the migrating role's.
  url.searchParams.delete("user");
  url.searchParams.delete("password");
  url.username = login;
  url.password = createHmac("sha256", key).update(`wellvault login ${login}`).digest("base64url");
  return url.href;
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
): Promise<Login[]> {
  const changed: Login[] = [];
  for (const login of logins) {
    const url = loginUrl(migratorUrl, login, secret);
    if (await canLogIn(url, login)) continue;
    const password = decodeURIComponent(new URL(url).password);
    await client.query(`alter role ${login} password ${client.escapeLiteral(password)}`);
    changed.push(login);
  }
  return changed;
}

async function canLogIn(url: string, login: Login): Promise<boolean> {
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

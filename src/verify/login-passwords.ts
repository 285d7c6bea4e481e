import { randomBytes } from "node:crypto";
import { sqlStateOf } from "../database/sqlstate.ts";
import { type AuditorConnection, openAuditorConnection } from "./auditor-connection.ts";
import { type CheckInfo, type CheckResult, doneCheck, type Finding, notRun } from "./check.ts";

/** The check of {@link checkLoginPasswords}. */
export const loginPasswordsCheck: CheckInfo = {
  id: "login-passwords",
  title: "The service's logins take the passwords that are derived from its secret, and no other",
  remedy:
    "Somebody gave a login another password, and can log in as it, or this configuration has another secret than the service. Restart the service, which sets the passwords again, and find out who did it. A login that takes any password is let in by a line of pg_hba.conf such as trust: take the line out and reload. Only what holds for this machine is seen.",
  severity: "finding",
};

const how = {
  description: "connections as each login, with the password derived from the configured secret and with a wrong one",
};

/** Logs in as every login of the service, with its password and with a wrong one. */
export async function checkLoginPasswords(
  connection: AuditorConnection,
  urlOf: (login: string) => string,
): Promise<CheckResult> {
  const startedAt = performance.now();
  try {
    const rows = await connection.query<{ login: string }>(
      "select login::text as login from control.data_logins order by login",
    );
    const logins = ["wellvault_control", "wellvault_auditor", ...rows.map((row) => row.login)];
    const findings: Finding[] = [];
    for (const login of logins) {
      const problem = await problemOf(urlOf(login), login);
      if (problem) findings.push({ tenantId: null, object: `login ${login}`, problem });
      if (await takesAnyPassword(urlOf(login))) {
        findings.push({ tenantId: null, object: `login ${login}`, problem: "is let in with a wrong password" });
      }
    }
    return doneCheck(loginPasswordsCheck, how, { examined: logins.length, startedAt, findings });
  } catch (error) {
    return notRun(loginPasswordsCheck, how, startedAt, error);
  }
}

async function problemOf(url: string, login: string): Promise<string | undefined> {
  try {
    const connection = await openAuditorConnection(url);
    try {
      const [row] = await connection.query<{ name: string }>("select session_user::text as name");
      return row?.name === login ? undefined : `leads to the role ${row?.name}`;
    } finally {
      await connection.close();
    }
  } catch (error) {
    // 28P01 invalid_password, 28000 invalid_authorization_specification, 42501 no right to connect
    if (["28P01", "28000", "42501"].includes(sqlStateOf(error) ?? "")) return "is refused with the derived password";
    throw error;
  }
}

/**
 * Whether the server lets a login in that shows nothing of the secret: neither the password nor the
 * certificate that the URL may name.
 */
async function takesAnyPassword(url: string): Promise<boolean> {
  const wrong = new URL(url);
  for (const name of ["password", "sslcert", "sslkey"]) wrong.searchParams.delete(name);
  wrong.password = randomBytes(24).toString("base64url");
  try {
    const connection = await openAuditorConnection(wrong.href);
    try {
      const [row] = await connection.query<{ how: string | null }>("select system_user::text as how");
      // Whom the operating system or a ticket vouches for is asked for no password.
      return !/^(cert|peer|gss|sspi):/.test(row?.how ?? "");
    } finally {
      await connection.close();
    }
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === "28P01" || state === "28000") return false;
    // 42501 no right to connect: which is asked about only after the password was taken
    if (state === "42501") return true;
    throw error;
  }
}

import { sqlStateOf } from "../database/sqlstate.ts";
import { type AuditorConnection, openAuditorConnection } from "./auditor-connection.ts";
import { type CheckInfo, type CheckResult, doneCheck, type Finding, notRun } from "./check.ts";

/** The check of {@link checkLoginPasswords}. */
export const loginPasswordsCheck: CheckInfo = {
  id: "login-passwords",
  title: "The service's logins have the passwords that are derived from its secret",
  remedy:
    "Somebody gave a login another password, and can log in as it, or this configuration has another secret than the service. Restart the service, which sets the passwords again, and find out who did it.",
  severity: "finding",
};

const how = { description: "a connection as each login, with the password derived from the configured secret" };

/** Logs in as every login of the service. */
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

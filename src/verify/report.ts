import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sqlFolder } from "../database/migrations.ts";
import type { AuditorConnection } from "./auditor-connection.ts";
import type { CheckResult } from "./check.ts";

/** What was run against what. */
export interface Versions {
  /** Of this package. */
  readonly wellvault: string;
  /** The server's, such as `18.4`. */
  readonly postgresql: string;
  /** The newest control migration applied. */
  readonly controlMigration: number;
  /** The newest tenant migration loaded. */
  readonly tenantMigration: number;
  /** SHA-256 of what the hardening consists of. */
  readonly hardening: string;
}

/** Which database was looked at. */
export interface DatabaseIdentity {
  readonly name: string;
  /** PostgreSQL's own number for the server's data, which a copy of its files shares. */
  readonly systemIdentifier: string;
  /** The login that read the catalogue. */
  readonly login: string;
  /** The role that owns the schema control: the one that migrates. */
  readonly controlOwner: string;
}

/** The tenants that the canary was looked for as. */
export interface CanarySample {
  /** How the service was called. */
  readonly way: string;
  /** Tenants there are besides the canary. */
  readonly tenants: number;
  /** Those that called the service: all of them up to a hundred, above that a hundred drawn by the seed. */
  readonly called: readonly string[];
  /** What the tenants were drawn by; the same seed draws the same among the same tenants. */
  readonly seed: string;
}

/** What a run of the checks found; the document that an auditor files. */
export interface Report {
  readonly format: "wellvault verification 1";
  /** When it began, in UTC. */
  readonly time: string;
  readonly durationMs: number;
  readonly versions: Versions;
  readonly database: DatabaseIdentity;
  /** `passed` only when every check was done and none found anything; notes do not count. */
  readonly result: "passed" | "failed" | "incomplete";
  readonly companies: number;
  readonly checks: readonly CheckResult[];
  readonly canary: CanarySample;
  /** What no check here can show. */
  readonly limits: readonly string[];
}

/** What an auditor should know that this report does not show. */
export const limits: readonly string[] = [
  "A superuser of the server, and whoever can read its files or its memory, sees every row; no check changes that.",
  "The checks of the catalogue show the moment at which they were run. They do not show what was granted and taken back before.",
  "Whether a role that cannot log in has a password is not told to the auditor's login; it could not use one.",
  "Whoever can change this program or its files can change the report. Compare its version, and the sums of its queries, with those that were released.",
];

/** Returns what the result of all checks is. */
export function resultOf(checks: readonly CheckResult[]): Report["result"] {
  const counted = checks.filter((check) => check.severity === "finding");
  if (counted.some((check) => check.result === "failed")) return "failed";
  return checks.some((check) => check.result === "not_run") ? "incomplete" : "passed";
}

/** Reads which database it is and what is applied to it. */
export async function readSubject(
  connection: AuditorConnection,
): Promise<{ versions: Versions; database: DatabaseIdentity; companies: number }> {
  const [row] = await connection.query<{
    version: string;
    name: string;
    login: string;
    owner: string;
    system: string;
    control: number;
    tenant: number;
    companies: number;
  }>(`
    select current_setting('server_version') as version, current_database() as name, session_user::text as login,
      (select r.rolname::text from pg_namespace as n join pg_roles as r on r.oid = n.nspowner where n.nspname = 'control') as owner,
      (select system_identifier::text from pg_control_system()) as system,
      (select coalesce(max(version), 0) from control.control_migrations) as control,
      (select coalesce(max(version), 0) from control.tenant_migrations) as tenant,
      (select count(*)::integer from control.companies) as companies
  `);
  if (!row) throw new Error("the database says nothing about itself");
  const packageFile = await readFile(join(import.meta.dirname, "../../package.json"), "utf8");
  const hardening = createHash("sha256");
  for (const file of ["hardening-targets.sql", "hardening.sql"])
    hardening.update(await readFile(join(sqlFolder, file)));
  return {
    versions: {
      wellvault: (JSON.parse(packageFile) as { version: string }).version,
      postgresql: row.version.split(" ")[0] ?? row.version,
      controlMigration: row.control,
      tenantMigration: row.tenant,
      hardening: hardening.digest("hex"),
    },
    database: {
      name: row.name,
      systemIdentifier: row.system,
      login: row.login,
      controlOwner: row.owner,
    },
    companies: row.companies,
  };
}

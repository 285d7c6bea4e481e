import { createHash, randomBytes } from "node:crypto";
import type { TenantEntry } from "../tenancy/tenant.ts";
import type { TenantTokens } from "../tenancy/tenant-tokens.ts";
import type { AuditorConnection } from "./auditor-connection.ts";
import { canaryServiceCheck, checkCanaryByService, type ServiceAccess } from "./canary-service.ts";
import { canarySqlChecks, checkCanaryBySql } from "./canary-sql.ts";
import { type CheckResult, notRun } from "./check.ts";
import { readCompanies } from "./companies.ts";
import type { CanarySample } from "./report.ts";
import type { VerifyProgress } from "./verify.ts";

/** Tenants that call the service for the canary; of more, as many are drawn. */
export const maxCallers = 100;

/** What {@link verifyCanary} needs. */
export interface CanaryOptions {
  readonly urlOf: (login: string) => string;
  readonly tokens: TenantTokens;
  /** Opens a way to call the service, in which the canary itself may be called for, too. */
  readonly openAccess?: ((canary: TenantEntry) => ServiceAccess) | undefined;
  /** What the callers are drawn by; made up when it is not given. */
  readonly seed?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (progress: VerifyProgress) => void;
}

/** Looks for the canary's rows as every other tenant: below the service by SQL, and through the service. */
export async function verifyCanary(
  connection: AuditorConnection,
  options: CanaryOptions,
): Promise<{ checks: CheckResult[]; canary: CanarySample }> {
  const { seed = randomBytes(8).toString("hex"), signal, onProgress } = options;
  const startedAt = performance.now();
  const { canary, others } = await readCompanies(connection);
  const called = drawTenants(others, seed);
  if (!canary) {
    const missing = new Error("there is no canary: start the service or run `wellvault migrate`, which make it");
    const how = { description: "not done" };
    return {
      checks: [...canarySqlChecks, canaryServiceCheck].map((check) => notRun(check, how, startedAt, missing)),
      canary: { way: "not called", tenants: others.length, called: [], seed },
    };
  }
  const rows = await connection.query<{ name: string }>(
    `select c.relname::text as name
     from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind = 'r' order by c.relname`,
    [canary.vault],
  );
  const tables = rows.map((row) => row.name);
  const stage = (name: string) => (done: number, of: number) => onProgress({ stage: name, done, of });
  const bySql = await checkCanaryBySql({ ...options, canary, others, tables, onProgress: stage("vaults, by SQL") });
  const access = options.openAccess?.(canary);
  if (!access) {
    const how = { description: "not done" };
    const missing = new Error("no way to call the service was given");
    return {
      checks: [...bySql, notRun(canaryServiceCheck, how, startedAt, missing)],
      canary: { way: "not called", tenants: others.length, called: [], seed },
    };
  }
  const onTenant = stage("tenants, through the service");
  const byService = await checkCanaryByService(access, canary, called, { signal, onProgress: onTenant });
  return { checks: [...bySql, byService], canary: { way: access.way, tenants: others.length, called, seed } };
}

/** Draws the tenants that call: all when they are few, else those whose digests under the seed come first. */
export function drawTenants(others: readonly TenantEntry[], seed: string): string[] {
  const ids = others.map((other) => other.tenantId);
  if (ids.length <= maxCallers) return ids;
  const digest = (id: string) => createHash("sha256").update(`${seed} ${id}`).digest("hex");
  const drawn = ids.map((id) => ({ id, digest: digest(id) })).sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return drawn
    .slice(0, maxCallers)
    .map(({ id }) => id)
    .sort();
}

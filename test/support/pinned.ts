import { defaultPoolWaitMs } from "../../src/config.ts";
import { loginUrl } from "../../src/database/logins.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import type { TenantSession } from "../../src/tenancy/session.ts";
import { openTenantSessions, type TenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { createMigratedDatabase, type TestDatabase } from "./database.ts";
import { migrateForTest, testTokenKey } from "./migrate.ts";

/** The data plane without a server around it: sessions as the handlers get them. */
export interface PinnedPlane {
  readonly database: TestDatabase;
  readonly sessions: TenantSessions;
  /** Provisions a tenant. */
  provision(tenantId: string): Promise<TenantEntry>;
  /** Opens a session pinned to the tenant's vault. */
  open(tenant: TenantEntry, signal?: AbortSignal): TenantSession;
  close(): Promise<void>;
}

/**
 * Opens the data plane over a database of its own.
 *
 * @param poolWaitMs how long a call waits for a connection; as a service does unless given
 */
export async function openPinnedPlane(poolSize: number, poolWaitMs = defaultPoolWaitMs): Promise<PinnedPlane> {
  const database = await createMigratedDatabase();
  await migrateForTest(database.url);
  const sessions = openTenantSessions({
    urlOf: (login) => loginUrl(database.url, login, undefined),
    loginCount: 1,
    tokens: createTenantTokens(testTokenKey),
    poolSize,
    poolWaitMs,
    entities: [EmployeeEntity],
    onWarning: () => undefined,
  });
  return {
    database,
    sessions,
    async provision(tenantId) {
      const { rows } = await database.admin.query<{ company_id: string; vault: string; login: string }>(
        `insert into control.companies (tenant_id, display_name) values ($1, $1)
         returning company_id, vault::text as vault, login::text as login`,
        [tenantId],
      );
      if (!rows[0]) throw new Error("nothing was provisioned");
      const { company_id: companyId, vault, login } = rows[0];
      return { tenantId, companyId, vault, login, placement: "default", state: "ACTIVE", schemaVersion: 0 };
    },
    open: (tenant, signal = new AbortController().signal) => sessions.open({ tenant, signal, timeoutMs: 10_000 }),
    async close() {
      await sessions.close();
      await database.drop();
    },
  };
}

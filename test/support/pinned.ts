import { loginUrl } from "../../src/database/logins.ts";
import { migrateControl } from "../../src/database/migrations.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { openTenantSessions, type TenantSession, type TenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

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

/** Opens the data plane over a database of its own. */
export async function openPinnedPlane(poolSize: number): Promise<PinnedPlane> {
  const database = await createTestDatabase();
  await migrateControl(database.url, undefined);
  const sessions = await openTenantSessions({
    url: loginUrl(database.url, "wellvault_app", undefined),
    poolSize,
    entities: [EmployeeEntity],
    onWarning: () => undefined,
  });
  return {
    database,
    sessions,
    async provision(tenantId) {
      const { rows } = await database.admin.query<{ vault: string }>(
        "insert into control.companies (tenant_id, display_name) values ($1, $1) returning vault::text",
        [tenantId],
      );
      if (!rows[0]) throw new Error("nothing was provisioned");
      return { tenantId, vault: rows[0].vault, placement: "default", state: "ACTIVE" };
    },
    open: (tenant, signal = new AbortController().signal) => sessions.open({ tenant, signal, timeoutMs: 10_000 }),
    async close() {
      await sessions.close();
      await database.drop();
    },
  };
}

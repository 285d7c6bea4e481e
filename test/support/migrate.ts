import { type Migration, type MigrationReport, migrateControl } from "../../src/database/migrations.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { kindRows } from "../../src/metrics/kind-rows.ts";

/** The key of the tenant tokens in databases that a test migrates itself. */
export const testTokenKey = deriveTokenKey("test");

/** Migrates a database's control plane, with all that a test does not care about left as it is. */
export async function migrateForTest(
  url: string,
  { loginSecret, tenantMigrations }: { loginSecret?: string; tenantMigrations?: readonly Migration[] } = {},
): Promise<MigrationReport> {
  return await migrateControl(url, {
    loginSecret,
    tokenKey: testTokenKey,
    metricKinds: kindRows,
    ...(tenantMigrations ? { tenantMigrations } : {}),
  });
}

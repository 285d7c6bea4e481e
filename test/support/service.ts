import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { type Config, readConfig } from "../../src/config.ts";
import type { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { IdentitySettings } from "../../src/identity/identity-settings.ts";
import type { IdentityOptions } from "../../src/identity/open-identity.ts";
import { startService } from "../../src/service.ts";
import { logOptions } from "../../src/telemetry/log.ts";
import { as, type Clients, openClients } from "./clients.ts";
import { createMigratedDatabase, type TestDatabase } from "./database.ts";

/** A service of its own, with its database, for one test file. */
export interface TestService {
  /** Where it listens. */
  readonly address: string;
  readonly database: TestDatabase;
  /** Clients that speak gRPC to it. */
  readonly clients: Clients;
  /** Lines that the service logged, newest last. */
  readonly logLines: readonly string[];
  /** Provisions a tenant and returns its id; made up when none is given. */
  provision(tenantId?: string): Promise<string>;
  /** Creates an employee of a tenant and returns its id. */
  hire(tenantId: string, externalId?: string): Promise<string>;
  /** Reads the files of the identity's settings again. */
  reload(): Promise<void>;
  /** Stops the service and drops its database. */
  close(): Promise<void>;
}

/** Believes metadata, as most tests need it. */
const development: IdentitySettings = { mode: "development", forced: false };

/**
 * Starts the real service on a free port over a fresh database, with the development identity. Over an
 * existing database, whatever is to be there has been put there by another service: with credentials,
 * `provision` and `hire` are refused.
 */
export async function startTestService(
  overrides: Partial<Config> = {},
  existing?: TestDatabase,
  identity: IdentitySettings = development,
  identityOptions: IdentityOptions = {},
): Promise<TestService> {
  const database = existing ?? (await createMigratedDatabase());
  const logLines: string[] = [];
  const service = await startService({
    config: { ...readConfig({ WELLVAULT_PORT: "0" }), ...overrides },
    identity,
    identityOptions,
    databaseUrl: database.url,
    log: pino({ ...logOptions, level: "warn" }, { write: (line: string) => void logLines.push(line) }),
  });
  const clients = openClients(service.address);
  let count = 0;
  return {
    address: service.address,
    database,
    clients,
    logLines,
    reload: () => service.reload(),
    async provision(tenantId = `tenant-${++count}`) {
      const tenants: Client<typeof TenantService> = clients.tenants;
      await tenants.provisionTenant({ tenantId, displayName: `Company ${tenantId}` }, as("platform_operator"));
      return tenantId;
    },
    async hire(tenantId, externalId = `E-${++count}`) {
      const { employee } = await clients.employees.createEmployee(
        { employee: { externalId } },
        as("company_admin", tenantId),
      );
      if (!employee) throw new Error("no employee was returned");
      return employee.employeeId;
    },
    async close() {
      clients.close();
      await service.stop();
      if (!existing) await database.drop();
    },
  };
}

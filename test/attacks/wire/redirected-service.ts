import type { Logger } from "pino";
import { readConfig } from "../../../src/config.ts";
import { loginUrl, requireLoginSecret } from "../../../src/database/logins.ts";
import { deriveTokenKey } from "../../../src/database/token-key.ts";
import { EmployeeEntity } from "../../../src/employees/employee-entity.ts";
import type { IdentitySettings } from "../../../src/identity/identity-settings.ts";
import { openIdentity } from "../../../src/identity/open-identity.ts";
import { startServer } from "../../../src/rpc/server.ts";
import { openControlStore } from "../../../src/tenancy/control-store.ts";
import { createTenantDirectory, type TenantDirectory } from "../../../src/tenancy/directory.ts";
import { openTenantSessions } from "../../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../../src/tenancy/tenant-tokens.ts";

/** What a directory of {@link startRedirectedService} answers in place of an entry. */
export type Redirect = (
  entry: TenantEntry,
  lookup: (tenantId: string) => Promise<TenantEntry | undefined>,
) => Promise<TenantEntry>;

/** A service with a wall missing, for controls. */
export interface RedirectedService {
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Puts together a service whose directory lies: for controls, which show what the directory is trusted
 * with. All else is as src/service.ts has it, over a database that a real service has migrated.
 */
export async function startRedirectedService(options: {
  readonly databaseUrl: string;
  readonly identity: IdentitySettings;
  readonly redirect: Redirect;
  readonly log: Logger;
}): Promise<RedirectedService> {
  const { databaseUrl, redirect, log } = options;
  const config = readConfig({ WELLVAULT_PORT: "0" });
  const identity = await openIdentity(options.identity, log);
  const store = openControlStore({
    url: loginUrl(databaseUrl, "wellvault_control", undefined),
    onWarning: () => undefined,
  });
  const sessions = openTenantSessions({
    urlOf: (login) => loginUrl(databaseUrl, login, undefined),
    loginCount: 1,
    tokens: createTenantTokens(deriveTokenKey(requireLoginSecret(databaseUrl, undefined))),
    poolSize: 4,
    entities: [EmployeeEntity],
    onWarning: () => undefined,
  });
  const honest = createTenantDirectory(store);
  const directory: TenantDirectory = {
    ...honest,
    async lookup(tenantId) {
      const entry = await honest.lookup(tenantId);
      return entry && (await redirect(entry, async (id) => await honest.lookup(id)));
    },
  };
  const server = await startServer({ ...config, identity, store, directory, sessions, log });
  return {
    address: server.address,
    async stop() {
      await server.stop();
      identity.close();
      honest.close();
      await Promise.all([sessions.close(), store.close()]);
    },
  };
}

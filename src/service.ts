import type { Logger } from "pino";
import { type Config, requireLoopback } from "./config.ts";
import { loginUrl } from "./database/logins.ts";
import { migrateControl } from "./database/migrations.ts";
import { EmployeeEntity } from "./employees/employee-entity.ts";
import { developmentIdentity } from "./identity/development-identity.ts";
import { startServer } from "./rpc/server.ts";
import { openControlStore } from "./tenancy/control-store.ts";
import { createTenantDirectory } from "./tenancy/directory.ts";
import { migrateFleet } from "./tenancy/fleet.ts";
import { openTenantSessions } from "./tenancy/sessions.ts";

/** A running service. */
export interface Service {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  /** The database server's version. */
  readonly serverVersion: string;
  /** Companies that are there. */
  readonly companies: number;
  /** Drains the server and closes every connection. Returns whether every call finished. */
  stop(): Promise<boolean>;
}

/** How to start a service. */
export interface ServiceOptions {
  readonly config: Config;
  /** URL of the database as the migrating role. */
  readonly databaseUrl: string;
  readonly log: Logger;
  /** Told of each vault that is migrated at start. */
  readonly onFleetProgress?: (done: number, of: number) => void;
}

/**
 * Puts the service together: migrates the control plane and the fleet, opens both planes of the
 * database and starts serving.
 *
 * @throws ConfigError when the development identity would be reachable from elsewhere
 */
export async function startService({ config, databaseUrl, log, onFleetProgress }: ServiceOptions): Promise<Service> {
  requireLoopback(config);
  const { serverVersion, applied, passwordsSet } = await migrateControl(databaseUrl, config.loginSecret);
  if (applied.length === 0 && passwordsSet.length > 0) {
    log.warn(
      { logins: passwordsSet },
      "login passwords were changed; processes with another login secret are locked out",
    );
  }
  const fleet = await migrateFleet(databaseUrl, onFleetProgress);

  const onWarning = (message: string) => log.warn(message);
  const store = openControlStore({ url: loginUrl(databaseUrl, "wellvault_control", config.loginSecret), onWarning });
  const sessions = await openTenantSessions({
    url: loginUrl(databaseUrl, "wellvault_app", config.loginSecret),
    poolSize: config.poolSize,
    entities: [EmployeeEntity],
    onWarning,
  });
  const closePlanes = () => Promise.all([sessions.close(), store.close()]);
  try {
    const server = await startServer({
      ...config,
      authenticate: developmentIdentity,
      store,
      directory: createTenantDirectory(store),
      sessions,
      log,
    });
    return {
      address: server.address,
      serverVersion,
      companies: fleet.total,
      async stop() {
        const finished = await server.stop();
        await closePlanes();
        return finished;
      },
    };
  } catch (error) {
    await closePlanes();
    throw error;
  }
}

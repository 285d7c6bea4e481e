import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { loginUrl, requireLoginSecret, roleOf } from "./database/logins.ts";
import { migrateControl } from "./database/migrations.ts";
import { type MigratedDatabase, requireMigrated } from "./database/require-migrated.ts";
import { deriveTokenKey, type TokenKey } from "./database/token-key.ts";
import { EmployeeEntity } from "./employees/employee-entity.ts";
import { type IdentitySettings, requireSafeHost } from "./identity/identity-settings.ts";
import { type Identity, type IdentityOptions, openIdentity } from "./identity/open-identity.ts";
import { kindRows } from "./metrics/kind-rows.ts";
import { openInProcessAccess } from "./rpc/in-process.ts";
import { startServer } from "./rpc/server.ts";
import { withoutValues } from "./telemetry/error-for-log.ts";
import { openControlStore } from "./tenancy/control-store.ts";
import { createTenantDirectory } from "./tenancy/directory.ts";
import { migrateFleet } from "./tenancy/fleet.ts";
import { openTenantSessions } from "./tenancy/sessions.ts";
import { countDataLogins } from "./tenancy/statements/count-data-logins.ts";
import { createTenantTokens } from "./tenancy/tenant-tokens.ts";
import { ensureCanary } from "./verify/canary.ts";
import { verify } from "./verify/verify.ts";

/** A running service. */
export interface Service {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  /** The database server's version. */
  readonly serverVersion: string;
  /** Companies that are there. */
  readonly companies: number;
  /** Reads the files of the identity's settings again: keys, certificates and who they stand for. */
  reload(): Promise<void>;
  /** Drains the server and closes every connection. Returns whether every call finished. */
  stop(): Promise<boolean>;
}

/** How to start a service. */
export interface ServiceOptions {
  readonly config: Config;
  readonly identity: IdentitySettings;
  /** URL of the database as the migrating role. */
  readonly databaseUrl: string;
  readonly log: Logger;
  /** Told of each vault that is migrated at start. */
  readonly onFleetProgress?: (done: number, of: number) => void;
  /** How credentials are kept and watched, for tests and measurements. */
  readonly identityOptions?: IdentityOptions;
}

/**
 * Puts the service together: migrates the control plane and the fleet, opens both planes of the
 * database and starts serving.
 *
 * @throws ConfigError when callers on other machines would be believed without proof, or unprotected
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, log } = options;
  requireSafeHost(options.identity, config.host);
  // First: a file that cannot be used ends the start before anything is changed.
  const identity = await openIdentity(options.identity, log, options.identityOptions);
  try {
    return await startWith(identity, options);
  } catch (error) {
    identity.close();
    throw error;
  }
}

async function startWith(identity: Identity, options: ServiceOptions): Promise<Service> {
  const { config, databaseUrl, log } = options;
  const { loginSecret } = config;
  const tokenKey = deriveTokenKey(config.tokenSecret ?? requireLoginSecret(databaseUrl, loginSecret));
  const { serverVersion, companies } = config.migrate
    ? await migrate(tokenKey, options)
    : await requireMigrated(loginUrl(databaseUrl, "wellvault_control", loginSecret), tokenKey);

  const onWarning = (message: string) => log.warn(withoutValues(message));
  const store = openControlStore({ url: loginUrl(databaseUrl, "wellvault_control", loginSecret), onWarning });
  const directory = createTenantDirectory(store);
  // There may be more than the setting says, from a start with a greater one.
  const [logins] = await store.query(countDataLogins, []).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const sessions = openTenantSessions({
    urlOf: (login) => loginUrl(databaseUrl, login, loginSecret),
    loginCount: logins?.count ?? config.dataLogins,
    tokens: createTenantTokens(tokenKey),
    poolSize: config.poolSize,
    poolWaitMs: config.poolWaitMs,
    entities: [EmployeeEntity],
    onVaultGone: (tenantId) => directory.forget(tenantId),
    onWarning,
  });
  const closePlanes = () => {
    directory.close();
    return Promise.all([sessions.close(), store.close()]);
  };
  try {
    // Not worth refusing to serve: without its canary `wellvault verify` says so.
    const canaryIsNew = await ensureCanary(store, sessions).catch((error: unknown) => {
      log.warn({ err: error }, "the canary of wellvault verify was not made");
      return true;
    });
    const parts = { store, sessions, directory };
    const server = await startServer({
      ...config,
      ...parts,
      identity,
      log,
      runVerification: (run) =>
        verify({
          ...run,
          // A process that does not migrate need not know the role that does.
          migrator: config.migrate ? roleOf(databaseUrl) : undefined,
          urlOf: (login) => loginUrl(databaseUrl, login, loginSecret),
          tokenKey,
          openAccess: (canary) => openInProcessAccess(parts, canary, log),
        }),
    });
    return {
      address: server.address,
      serverVersion,
      companies: canaryIsNew ? companies : companies - 1,
      reload: () => identity.reload(),
      async stop() {
        const finished = await server.stop();
        identity.close();
        await closePlanes();
        return finished;
      },
    };
  } catch (error) {
    await closePlanes();
    throw error;
  }
}

/** Brings the control plane and every vault up to date. */
async function migrate(
  tokenKey: TokenKey,
  { config, databaseUrl, log, onFleetProgress }: ServiceOptions,
): Promise<MigratedDatabase> {
  const { loginSecret, dataLogins } = config;
  const report = await migrateControl(databaseUrl, { loginSecret, tokenKey, metricKinds: kindRows, dataLogins });
  if (report.passwordsChanged.length > 0) {
    log.warn(
      { logins: report.passwordsChanged },
      "login passwords were changed; processes with another login secret are locked out",
    );
  }
  if (!report.hardened) {
    log.warn("the database is not hardened: the migrating role is no superuser; let one run `wellvault harden`");
  }
  if (report.tokenKeys > 1) {
    log.warn(
      { keys: report.tokenKeys },
      "tenant tokens may be signed with more than one key; retire the old ones when no process uses them",
    );
  }
  const fleet = await migrateFleet(databaseUrl, onFleetProgress);
  return { serverVersion: report.serverVersion, companies: fleet.total };
}

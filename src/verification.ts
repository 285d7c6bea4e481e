import type { Logger } from "pino";
import { EmployeeEntity } from "./employees/employee-entity.ts";
import { openInProcessAccess } from "./rpc/in-process.ts";
import { openControlStore } from "./tenancy/control-store.ts";
import { createTenantDirectory } from "./tenancy/directory.ts";
import { openTenantSessions } from "./tenancy/sessions.ts";
import { createTenantTokens } from "./tenancy/tenant-tokens.ts";
import { ensureCanary } from "./verify/canary.ts";
import type { Report } from "./verify/report.ts";
import { type VerifyOptions, verify } from "./verify/verify.ts";

/** The planes of the database, opened for a command as the service opens them. */
export interface PlanesOptions {
  readonly urlOf: VerifyOptions["urlOf"];
  readonly tokenKey: VerifyOptions["tokenKey"];
  readonly log: Logger;
}

/** What {@link verifyDatabase} needs. */
export type VerifyDatabaseOptions = Omit<VerifyOptions, "openAccess"> & PlanesOptions;

/** Verifies a database without a service around it: the handlers are called inside this process. */
export async function verifyDatabase(options: VerifyDatabaseOptions): Promise<Report> {
  return await withPlanes(options, async (parts) => {
    return await verify({
      ...options,
      openAccess: (canary) => openInProcessAccess(parts, canary, options.log),
    });
  });
}

/** Makes the canary where it is missing. */
export async function makeCanary(options: PlanesOptions): Promise<void> {
  await withPlanes(options, ({ store, sessions }) => ensureCanary(store, sessions));
}

type Parts = Parameters<typeof openInProcessAccess>[0];

async function withPlanes<T>({ urlOf, tokenKey, log }: PlanesOptions, work: (parts: Parts) => Promise<T>): Promise<T> {
  const onWarning = (message: string) => log.warn(message);
  const store = openControlStore({ url: urlOf("wellvault_control"), onWarning });
  const sessions = openTenantSessions({
    urlOf,
    loginCount: 1,
    tokens: createTenantTokens(tokenKey),
    poolSize: 2,
    entities: [EmployeeEntity],
    onWarning,
  });
  const directory = createTenantDirectory(store);
  try {
    return await work({ store, sessions, directory });
  } finally {
    directory.close();
    await Promise.all([sessions.close(), store.close()]);
  }
}

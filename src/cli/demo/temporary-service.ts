import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../config.ts";
import { startEmbeddedServer } from "../../database/embedded-server.ts";
import { startService } from "../../service.ts";
import { openLog } from "../../telemetry/log.ts";

/** A service over a database that is thrown away with it. */
export interface TemporaryService extends AsyncDisposable {
  /** Where it listens. */
  readonly address: string;
  /** URL of its database as the superuser. */
  readonly databaseUrl: string;
  /** Secret that the logins' passwords are derived from, if not from the URL's password. */
  readonly loginSecret: string | undefined;
  /** The database server's version. */
  readonly serverVersion: string;
}

/**
 * Starts the service on a free loopback port over a PostgreSQL server in a temporary folder. Disposing
 * of it stops both and removes the folder; so does a start that fails.
 */
export async function startTemporaryService(): Promise<TemporaryService> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "wellvault-demo-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  // For root the server runs as another user, who has to get in.
  await chmod(folder, 0o711);

  const database = await startEmbeddedServer({ folder, disposable: true });
  started.defer(() => rm(database.folder, { recursive: true, force: true }));
  started.defer(() => database.stop("immediate"));

  // Defaults instead of the environment: the demo is the same everywhere and meets no database of the user.
  const config = readConfig({ WELLVAULT_PORT: "0", WELLVAULT_LOG_LEVEL: "warn" });
  const identity = { mode: "development", forced: false } as const;
  const service = await startService({ config, identity, databaseUrl: database.url, log: openLog(config.logLevel) });
  started.defer(async () => void (await service.stop()));

  const running = started.move();
  return {
    address: service.address,
    databaseUrl: database.url,
    loginSecret: config.loginSecret,
    serverVersion: service.serverVersion,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { flushCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { readConfig } from "../config.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../database/embedded-server.ts";
import { type FolderLock, lockFolder } from "../database/folder-lock.ts";
import { superviseServer } from "../database/supervisor.ts";
import { readIdentitySettings } from "../identity/identity-settings.ts";
import { openLog } from "../telemetry/log.ts";
import { banner } from "./banner.ts";

/**
 * Starts the service as the environment says, prints where it is, and runs until it is told to stop.
 *
 * @throws ConfigError when a setting cannot be used
 */
export async function runService(): Promise<void> {
  const config = readConfig(process.env);
  // Before anything is started that would have to be stopped again.
  const identity = readIdentitySettings(process.env, config);
  const log = openLog(config.logLevel);
  if (identity.mode === "development") {
    log.warn("development identity: what a caller says about itself is believed; never for real people's data");
  }
  let lock: FolderLock | undefined;
  let embedded: EmbeddedServer | undefined;
  let endSupervision: (() => Promise<void>) | undefined;

  // The first signal drains, the second does not wait for calls, the third not even for the database.
  // They are taken from the start on, so that a Ctrl-C during the start leaves no database running.
  const told = Promise.withResolvers<void>();
  const toldAgain = Promise.withResolvers<false>();
  // One Ctrl-C can arrive twice, from the terminal and from npm: what follows at once is the same one.
  let signals = 0;
  let last = Number.NEGATIVE_INFINITY;
  const onSignal = () => {
    if (performance.now() - last < 500) return;
    last = performance.now();
    signals++;
    if (signals === 1) told.resolve();
    else if (signals === 2) toldAgain.resolve(false);
    else process.exit(1);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);

  // To load what serves takes a second: once the settings are known to be usable, and while the database starts.
  const loading = import("../service.ts");
  // It is awaited below, where the database is stopped when it fails.
  loading.catch(() => undefined);
  try {
    if (!config.databaseUrl) {
      const folder = resolve(config.dataDir);
      await mkdir(folder, { recursive: true });
      lock = await lockFolder(folder);
      say(`Starting PostgreSQL in ${folder} ...`);
      embedded = await startEmbeddedServer({ folder });
    } else {
      say("Connecting to the database of DATABASE_URL ...");
    }
    const { startService } = await loading;
    // What was compiled is there for the next start, also when this process is killed. It takes a moment the first time, so it
    // comes before anybody is told that calls are served.
    flushCompileCache();
    const service = await startService({
      config,
      identity,
      databaseUrl: embedded?.url ?? config.databaseUrl ?? "",
      log,
      onFleetProgress: (done, of) => {
        if (done === of || done % 100 === 0) say(`Migrated ${done} of ${of} vaults`);
      },
    });
    if (embedded) endSupervision = superviseServer(embedded, (message) => log.warn(message));
    await lock?.announce(service.address);
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
      version: string;
    };
    // A start from a terminal that is closed ends with it; a service that holds credentials renews them.
    if (identity.mode === "credentials") process.on("SIGHUP", () => void service.reload());
    process.stdout.write(banner({ ...service, version, identity, embeddedFolder: embedded?.folder }));
    await told.promise;
    say("\nStopping: running calls may finish ...");
    const finished = await Promise.race([service.stop(), toldAgain.promise]);
    say(finished ? "Stopped." : "Stopped; calls that were still running were cut off.");
  } finally {
    await endSupervision?.();
    await embedded?.stop();
    await lock?.release();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

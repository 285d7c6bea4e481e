import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { banner } from "./cli/banner.ts";
import { explain } from "./cli/explain.ts";
import { ConfigError, readConfig } from "./config.ts";
import { type EmbeddedServer, startEmbeddedServer } from "./database/embedded-server.ts";
import { type FolderLock, lockFolder } from "./database/folder-lock.ts";
import { startService } from "./service.ts";
import { openLog } from "./telemetry/log.ts";

/** Starts the service, prints where it is, and runs until it is told to stop. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = openLog(config.logLevel);
  let lock: FolderLock | undefined;
  let embedded: EmbeddedServer | undefined;

  // The first signal drains, the second does not wait. Taken from the start on, so that a Ctrl-C during
  // the start leaves no database running.
  let signals = 0;
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      signals++;
      if (signals === 1) stopped.resolve(name);
      else if (signals === 2) process.exitCode = 1;
      else process.exit(1);
    });
  }

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
    const service = await startService({
      config,
      databaseUrl: embedded?.url ?? config.databaseUrl ?? "",
      log,
      onFleetProgress: (done, of) => {
        if (done === of || done % 100 === 0) say(`Migrated ${done} of ${of} vaults`);
      },
    });
    await lock?.announce(service.address);
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as {
      version: string;
    };
    process.stdout.write(banner({ ...service, version, embeddedFolder: embedded?.folder }));
    await stopped.promise;
    say("\nStopping: running calls may finish ...");
    const finished = await service.stop();
    say(finished ? "Stopped." : `Stopped; some calls took longer than ${config.drainTimeoutMs} ms and were cut off.`);
  } finally {
    await embedded?.stop();
    await lock?.release();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`\n${explain(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  },
);

import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { showProgress } from "../../../src/cli/demo/progress.ts";
import { startEmbeddedServer } from "../../../src/database/embedded-server.ts";
import { runProgram } from "../../support/process.ts";
import { openIssuer } from "../wire/issuer.ts";
import { readStormOptions, type StormOptions, usage } from "./options.ts";
import { runStorm } from "./storm.ts";
import { describeStorm, type StormSummary } from "./summary.ts";

/** Starts a database and a service of their own, sends the storm, and stops both. */
async function stormOnItsOwn(storm: StormOptions, out: NodeJS.WriteStream, signal: AbortSignal): Promise<StormSummary> {
  await using started = new AsyncDisposableStack();
  const say = (text: string) => out.write(`${text}\n`);
  const folder = await mkdtemp(join(tmpdir(), "wellvault-storm-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  // For root the server runs as another user, who has to get in.
  await chmod(folder, 0o711);
  say("Starting PostgreSQL and the service ...");
  const server = await startEmbeddedServer({ folder, disposable: true });
  started.defer(() => rm(server.folder, { recursive: true, force: true }));
  started.defer(() => server.stop("immediate"));
  const issuer = await openIssuer();
  started.defer(() => issuer.close());
  const service = runProgram("src/main.ts", {
    ...issuer.environment,
    DATABASE_URL: server.url,
    WELLVAULT_PORT: "0",
    WELLVAULT_POOL_SIZE: String(storm.pool),
    WELLVAULT_DATA_LOGINS: String(storm.logins),
    WELLVAULT_LOG_LEVEL: "error",
  });
  started.defer(async () => void (await service.end()));
  const [, address = ""] = await service.until(/address +(http:\/\/\S+)[\s\S]*Ctrl-C stops/);
  const told = service.output().length;
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  started.defer(() => admin.end());

  using progress = showProgress(out, storm.calls, "calls");
  const summary = await runStorm({ address, issuer, admin }, storm, {
    onProgress: (count) => progress.add(count),
    onPhase: say,
    signal,
  });
  // An error in the service's log is a defect, whatever its callers were told.
  const errors = service
    .output()
    .slice(told)
    .split("\n")
    .filter((line) => line.includes('"level":50'));
  return { ...summary, violations: [...summary.violations, ...errors.map((line) => `logged: ${line}`)] };
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readStormOptions>;
  try {
    options = readStormOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (!options) {
    console.log(usage);
    return 0;
  }
  const { storm, json } = options;
  // The first Ctrl-C ends the calls and checks what they did; the second ends everything.
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const summary = await stormOnItsOwn(storm, json ? process.stderr : process.stdout, stop.signal);
  process.stdout.write(json ? `${JSON.stringify({ options: storm, ...summary }, null, 2)}\n` : describeStorm(summary));
  return summary.violations.length === 0 ? 0 : 1;
}

process.exitCode = await main();

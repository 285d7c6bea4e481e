import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type pg from "pg";
import { cpuMsOf } from "../measure/proc.ts";
import type { Contestant, Turn, Work } from "./contestant.ts";
import { countInSchemas } from "./count-stored.ts";
import { idsPerClient, pgbenchScript } from "./pgbench-script.ts";

const run = promisify(execFile);

/** As many connections as the services' pools have: the question is what the services add to the database's work. */
const maxClients = 10;

/**
 * Seconds before those that count. Each turn has connections of its own, and a connection is slow with a tenant that
 * it has not met before; the services have met all of them in turns before.
 */
const warmUpSeconds = 2;

/** Whether pgbench is on this machine. */
export async function hasPgbench(): Promise<boolean> {
  return await run("pgbench", ["--version"]).then(
    () => true,
    () => false,
  );
}

/**
 * PostgreSQL's own load: the statements of the isolated peers, a whole transaction in one write and with no service in
 * between. It is about as fast as this database does the isolated task for so many connections. The statements are
 * not prepared: pgbench would do that before the pipeline begins, where no tenant's tables can be found yet.
 */
export function pgbenchContestant(url: string, admin: pg.Client, schemas: readonly string[]): Contestant {
  const count = countInSchemas(admin, schemas);
  let firstId = 0;
  return {
    name: "pgbench",
    pid: undefined,
    warmsUpItself: true,
    async take(turn, listener) {
      const clients = Math.min(turn.inFlight, maxClients);
      const endId = firstId + clients * idsPerClient;
      const { all, ...work } = await runPgbench(url, turn, clients, firstId, listener);
      const { operation, tenants } = turn;
      const stored = operation === "read" ? all : await count({ operation, tenants, firstId, endId });
      firstId = endId;
      // What was done before the seconds that count was acknowledged and stored, too.
      return { ...work, stored: stored - (all - work.succeeded) };
    },
  };
}

/** What a run of pgbench did, with `all` transactions of it. */
interface Run extends Omit<Work, "stored"> {
  readonly all: number;
}

async function runPgbench(
  url: string,
  turn: Turn,
  clients: number,
  firstId: number,
  { onLoadStart, onLoadEnd }: Parameters<Contestant["take"]>[1],
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-bench-"));
  try {
    const script = join(folder, "script.sql");
    await writeFile(script, pgbenchScript(turn, firstId));
    const isShort = turn.maxCalls < 1e6;
    const warmUp = isShort ? 0 : warmUpSeconds;
    // pgbench counts in whole seconds; what it does after those that count is left out.
    const until = isShort
      ? ["-t", String(Math.ceil(turn.maxCalls / clients))]
      : ["-T", String(Math.ceil(warmUp + turn.seconds + 0.2))];
    const args = ["-n", "-M", "extended", "-c", String(clients), "-j", "1", ...until];
    const log = ["-l", `--log-prefix=${join(folder, "log")}`, "-D", "n=0", "-f", script];
    const target = new URL(url);
    // A password in the command could be read by everybody on this machine.
    const env = { PATH: process.env["PATH"], PGPASSWORD: target.password };
    target.password = "";
    const child = spawn("pgbench", [...args, ...log, target.href], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    const ended = once(child, "close");
    await sleep(warmUp);
    onLoadStart();
    const from = isShort ? 0 : Date.now() * 1_000;
    const cpuBefore = cpuMsOf(child.pid ?? 0);
    if (!isShort) await sleep(turn.seconds);
    // A run that ends on its own is gone before it can be asked.
    const cpuMs = isShort ? Number.NaN : cpuMsOf(child.pid ?? 0) - cpuBefore;
    const to = isShort ? Number.POSITIVE_INFINITY : Date.now() * 1_000;
    if (!isShort) onLoadEnd();
    const [code] = await ended;
    if (isShort) onLoadEnd();
    const [, done = "0"] = /transactions actually processed: (\d+)/.exec(output) ?? [];
    const [, failed = "0"] = /number of failed transactions: (\d+)/.exec(output) ?? [];
    const failures: Record<string, number> = {};
    if (Number(failed) > 0) failures["failed transactions"] = Number(failed);
    if (code !== 0) failures[`pgbench ended with ${code}: ${errors.trim().split("\n", 3).join(" | ")}`] = 1;
    const logged = await readLog(folder);
    const counted = logged.filter(({ endMicros, micros }) => endMicros - micros >= from && endMicros <= to);
    const latencies = counted.map(({ micros }) => micros / 1_000).sort((a, b) => a - b);
    const rank = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN;
    const ends = logged.map(({ endMicros }) => endMicros);
    const taken = isShort
      ? Math.max(...ends) - Math.min(...logged.map((one) => one.endMicros - one.micros))
      : to - from;
    return {
      all: Number(done),
      succeeded: counted.length,
      failures,
      seconds: taken / 1e6,
      p50: rank(0.5),
      p99: rank(0.99),
      loadCpuUs: (cpuMs * 1_000) / Math.max(1, counted.length),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, seconds * 1_000));
}

/** Each transaction's end, in microseconds since 1970, and its latency in microseconds. */
async function readLog(folder: string): Promise<{ endMicros: number; micros: number }[]> {
  const files = (await readdir(folder)).filter((name) => name.startsWith("log"));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  const lines = texts.flatMap((text) => text.split("\n").filter(Boolean));
  return lines.map((line) => {
    // Client, number of the transaction, latency, number of the script, end in seconds and microseconds.
    const [, , micros = 0, , seconds = 0, rest = 0] = line.split(" ").map(Number);
    return { endMicros: seconds * 1e6 + rest, micros };
  });
}

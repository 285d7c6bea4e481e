import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ContestantName } from "./contestants/contestant.ts";
import type { Person } from "./load/order.ts";
import { prepareRequests } from "./load/requests.ts";
import { median } from "./measure/statistics.ts";
import { referenceInFlight } from "./plan.ts";
import type { CrossCheck } from "./results.ts";
import type { Stage } from "./stage.ts";

const run = promisify(execFile);

/** Connections and turns of either load. */
const connections = 4;
const turns = 3;
/** How long one turn of h2load may take beyond three times that of the own load, in milliseconds. */
const graceMs = 60_000;

/** The slowest contestant to answer a read would do; these two are the fastest, where the load matters most. */
const checked: readonly ContestantName[] = ["ours", "unisolated"];

/** Whether h2load is installed. */
export async function hasH2load(): Promise<boolean> {
  return await run("h2load", ["--version"]).then(
    () => true,
    () => false,
  );
}

/**
 * Measures reads for one tenant by this benchmark's load and by h2load, a client in C, in turns. When the two
 * agree, or the own load is ahead, it is the server that a figure is about and not the load. h2load sends one body
 * only and looks at no trailers, so it checks and does not replace.
 *
 * @param signal stops the check when it fires; its reason is thrown
 * @throws Error when h2load does not end in time, or not every call of it was answered
 */
export async function crossCheck(stage: Stage, seconds: number, signal: AbortSignal): Promise<CrossCheck[]> {
  const checks: CrossCheck[] = [];
  for (const { name, port, people } of stage.servers.filter((server) => checked.includes(server.name))) {
    const [person] = people;
    if (!person) continue;
    const inFlight = referenceInFlight;
    const own: number[] = [];
    const others: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      signal.throwIfAborted();
      const order = { port, operation: "read", inFlight, spread: "uniform", people: [person], seconds } as const;
      const { succeeded, seconds: taken } = await stage.load.run({ ...order, maxCalls: 1e9, firstId: 0 });
      own.push(succeeded / taken);
      const timeout = seconds * 3_000 + graceMs;
      others.push(await readWithH2load(port, person, succeeded, { timeout, signal }));
    }
    checks.push({ name, inFlight, throughput: median(own), h2loadThroughput: median(others) });
  }
  return checks;
}

/** Makes as many calls as it is told and returns how many a second were answered. */
async function readWithH2load(
  port: number,
  person: Person,
  calls: number,
  limits: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-bench-"));
  try {
    const file = join(folder, "body");
    await writeFile(file, prepareRequests("read", [person]).body(0, 0));
    const headers = ["content-type: application/grpc+proto", "te: trailers", "x-role: employee"];
    headers.push(`x-tenant-id: ${person.tenantId}`, `x-employee-id: ${person.readerId}`);
    const perConnection = String(Math.ceil(referenceInFlight / connections));
    const count = String(Math.max(calls, referenceInFlight));
    const args = [
      ...["-n", count, "-c", String(connections), "-m", perConnection, "-d", file],
      ...headers.flatMap((header) => ["-H", header]),
      `http://127.0.0.1:${port}/wellvault.v1.EmployeeLogService/ListLogEntries`,
    ];
    const { stdout } = await run("h2load", args, limits);
    const [, perSecond] = /finished in [^,]+, ([\d.]+) req\/s/.exec(stdout) ?? [];
    if (!perSecond || !stdout.includes(`${count} succeeded, 0 failed`)) throw new Error(`h2load printed: ${stdout}`);
    return Number(perSecond);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

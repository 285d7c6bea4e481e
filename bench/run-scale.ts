import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { showProgress } from "../src/cli/demo/progress.ts";
import type { Contestant } from "./contestants/contestant.ts";
import { countInSchemas } from "./contestants/count-stored.ts";
import { hirePeople, provisionTenants, schemasOf } from "./contestants/ours.ts";
import { servedContestant } from "./contestants/served.ts";
import { startServerProcess } from "./contestants/server-process.ts";
import { openClient, startBenchDatabase } from "./database.ts";
import { startLoad } from "./load/process.ts";
import { measureTurn, type TurnFigures } from "./measure/measure-turn.ts";
import { median } from "./measure/statistics.ts";
import { nodeStartOf } from "./node-start.ts";
import { type BenchOptions, defaultVaults } from "./options.ts";
import { toJson } from "./report/json.ts";
import { describeCommit, describeMachine } from "./report/machine.ts";
import { figure } from "./report/table.ts";
import type { Results } from "./results.ts";

/** Vaults of the smaller service, and calls in flight. */
const fewVaults = 10;
const inFlight = 16;

/** A service with so many vaults of which some are called, and its turns' figures. */
interface Size {
  readonly vaults: number;
  /** Vaults that calls are for. */
  readonly called: number;
  readonly contestant: Contestant;
  readonly postmasterPid: number;
  readonly turns: TurnFigures[];
}

/** What the comparison found. */
export interface ScaleResults extends Pick<Results, "date" | "commit" | "machine" | "rounds" | "problems"> {
  readonly inFlight: number;
  readonly sizes: readonly {
    readonly vaults: number;
    readonly called: number;
    readonly p50: number;
    readonly p99: number;
    /** Median latency over that of the smallest service: the median of the rounds' ratios. */
    readonly p50Ratio: number;
  }[];
}

/**
 * Compares writes to a service with many vaults with writes to one that has ten: once while ten of the many are
 * called, which shows what it costs that the others are there, and once while all of them are called alike, when
 * the backends meet most vaults for the first time. Roles belong to a PostgreSQL server and not to a database, so each
 * service has a server of its own; they take turns.
 *
 * @param signal stops the run when it fires; its reason is thrown
 */
export async function runScale(
  { vaults, seconds, rounds, keep }: BenchOptions,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<ScaleResults> {
  const commit = await describeCommit();
  await using started = new AsyncDisposableStack();
  const load = started.use(startLoad());
  const sizes: Size[] = [];
  let serverVersion = "unknown";
  for (const count of [fewVaults, vaults]) {
    stream.write(`Provisioning ${count} vaults ...\n`);
    const database = started.use(await startBenchDatabase());
    const server = started.use(
      await startServerProcess("contestants/ours-server.ts", {
        databaseUrl: database.url,
        nodeStart: nodeStartOf("start"),
      }),
    );
    const withProgress = async <T>(work: (onDone: () => void) => Promise<T>): Promise<T> => {
      using progress = showProgress(stream, count, "vaults");
      return await work(() => {
        signal.throwIfAborted();
        progress.add(1);
      });
    };
    const tenantIds = await withProgress((onDone) => provisionTenants(server.port, count, onDone));
    stream.write("Giving each of them an employee ...\n");
    const people = await withProgress((onDone) => hirePeople(server.port, tenantIds, 0, onDone));
    const admin = started.use(await openClient(database.url));
    const { rows: versions } = await admin.query<{ server_version: string }>("show server_version");
    serverVersion = versions[0]?.server_version ?? serverVersion;
    const countStored = countInSchemas(admin, await schemasOf(admin, people));
    await database.makeDurable();
    const contestant = servedContestant({ ...server, name: "ours", load, people, countStored });
    for (const called of new Set([fewVaults, count])) {
      sizes.push({ vaults: count, called, contestant, postmasterPid: database.pid, turns: [] });
    }
  }

  const problems: string[] = [];
  const take = async ({ contestant, postmasterPid, vaults: there, called }: Size, length: number) => {
    signal.throwIfAborted();
    const turn = {
      operation: "write",
      inFlight,
      tenants: called,
      spread: "uniform",
      seconds: length,
      maxCalls: 1e9,
    } as const;
    const figures = await measureTurn(contestant, turn, postmasterPid);
    problems.push(...figures.problems.map((problem) => `with ${called} of ${there} vaults: ${problem}`));
    return figures;
  };
  stream.write("Measuring ...\n");
  using progress = showProgress(stream, sizes.length * (rounds + 1), "turns");
  for (let round = -1; round < rounds; round++) {
    // The first turns are for warming up: every connection meets vaults that it has not seen before.
    for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
      const figures = await take(size, round < 0 ? seconds * 4 : seconds * 2);
      if (round >= 0) size.turns.push(figures);
      progress.add(1);
    }
  }
  const [few] = sizes;
  const results = sizes.map(({ vaults: count, called, turns }) => ({
    ...{ vaults: count, called },
    p50: median(turns.map(({ p50 }) => p50)),
    p99: median(turns.map(({ p99 }) => p99)),
    p50Ratio: median(turns.map(({ p50 }, round) => p50 / (few?.turns[round]?.p50 ?? Number.NaN))),
  }));
  for (const { vaults: count, called, p50, p99, p50Ratio } of results) {
    stream.write(
      `  ${called} of ${count} vaults called: p50 ${figure(p50)} ms, p99 ${figure(p99)} ms, ${figure(p50Ratio)} x\n`,
    );
  }
  const found: ScaleResults = {
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: await describeMachine(serverVersion),
    ...{ inFlight, rounds, sizes: results, problems },
  };
  if (keep && vaults === defaultVaults && problems.length === 0) {
    await writeFile(join(import.meta.dirname, "scale-results.json"), `${toJson(found)}\n`);
    stream.write("bench/scale-results.json is written.\n");
  }
  return found;
}

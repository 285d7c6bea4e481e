import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { showProgress } from "../src/cli/demo/progress.ts";
import { withClient } from "./contestants/peer-database.ts";
import { crossCheck, hasH2load } from "./cross-check.ts";
import type { BenchOptions } from "./options.ts";
import { drawCharts } from "./report/charts.ts";
import { toJson } from "./report/json.ts";
import { describeCommit, describeMachine } from "./report/machine.ts";
import { cellTable, crossCheckTable, targetTable } from "./report/table.ts";
import { targetsOf } from "./report/targets.ts";
import type { CellResult, CrossCheck, Results } from "./results.ts";
import { type RunOptions, runCells, turnCount } from "./run-cells.ts";
import { openStage } from "./stage.ts";

/**
 * Runs the benchmark and prints what it finds as it finds it. Whatever was started is stopped and removed when
 * this returns or throws.
 *
 * @param stream where people are told
 * @param signal stops the run when it fires; its reason is thrown
 */
export async function runBench(
  options: BenchOptions,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<Results> {
  const { cells, seconds, rounds, maxCalls } = options;
  const say = (text: string) => void stream.write(`${text}\n`);
  // Before anything is measured: whoever works in the folder meanwhile changes what the commit is.
  const commit = await describeCommit();
  let progress: ReturnType<typeof showProgress> | undefined;
  const endProgress = () => {
    progress?.[Symbol.dispose]();
    progress = undefined;
  };
  const onStep = (step: string, total: number) => {
    signal.throwIfAborted();
    endProgress();
    say(`${step} ...`);
    if (total > 0) progress = showProgress(stream, total, "tenants");
  };
  const readable = Math.max(1, ...cells.filter(({ operation }) => operation === "read").map(({ tenants }) => tenants));
  const tenants = Math.max(...cells.map((cell) => cell.tenants));
  try {
    await using stage = await openStage({
      ...{ tenants, readable, onStep },
      onDone: () => {
        signal.throwIfAborted();
        progress?.add(1);
      },
    });
    if (!stage.contestants.some(({ name }) => name === "pgbench")) {
      say("pgbench is not installed and takes no part. On Debian: apt-get install postgresql-contrib");
    }
    const isChecked = options.crossCheck && (await hasH2load());
    if (options.crossCheck && !isChecked) {
      say("h2load is not installed, so the load is not checked against it. On Debian: apt-get install nghttp2-client");
    }
    const { rows } = await withClient(stage.database.url, (admin) =>
      admin.query<{ server_version: string }>("show server_version"),
    );
    const results: CellResult[] = [];
    let turnsLeft = 0;
    const startBar = () => {
      progress = showProgress(stream, turnsLeft, "turns");
    };
    const run: RunOptions = {
      ...{ cells, seconds, rounds, maxCalls, signal, postmasterPid: stage.database.pid },
      onTurn: () => {
        turnsLeft--;
        progress?.add(1);
      },
      onCell: (result) => {
        results.push(result);
        endProgress();
        say(cellTable(result));
        if (turnsLeft > 0) startBar();
      },
    };
    turnsLeft = turnCount(stage.contestants, run);
    say(`Measuring ${stage.contestants.length} contestants, cells: ${cells.length} ...`);
    startBar();
    const problems = await runCells(stage.contestants, run);
    endProgress();
    // A run of an hour is not lost because the check of its load could not be made.
    const crossChecks: CrossCheck[] = isChecked
      ? await crossCheck(stage, seconds, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          say(`The load was not checked against h2load: ${error instanceof Error ? error.message : String(error)}`);
          return [];
        })
      : [];
    if (crossChecks.length > 0) say(crossCheckTable(crossChecks));
    const targets = targetsOf(results);
    say(targetTable(targets));
    const found: Results = {
      date: new Date().toISOString().slice(0, 10),
      commit,
      machine: await describeMachine(rows[0]?.server_version ?? "unknown"),
      ...{ seconds, rounds, cells: results, targets, crossChecks, problems },
    };
    signal.throwIfAborted();
    if (options.keep && problems.length === 0) await keep(found, say);
    return found;
  } finally {
    endProgress();
  }
}

/** Writes the results and the charts. */
async function keep(results: Results, say: (text: string) => void): Promise<void> {
  const charts = join(import.meta.dirname, "charts");
  await mkdir(charts, { recursive: true });
  await writeFile(join(import.meta.dirname, "results.json"), `${toJson(results)}\n`);
  for (const [name, svg] of Object.entries(drawCharts(results))) await writeFile(join(charts, `${name}.svg`), svg);
  say("bench/results.json and bench/charts are written.");
}

import { parseArgs } from "node:util";
import { buffersIn, isNear, readStatements } from "./statements/comments.ts";
import type { Reads } from "./statements/measure.ts";
import { listenForStop } from "./stopping.ts";

const usage = `Usage: npm run bench:statements -- [options]

Runs every statement of the folders src/*/statements in a company with much in it, and prints how often each looks at
a page of which table or index ("buffers", of 8 kB), which hardly depends on the machine, and whether its comment says
so. It starts PostgreSQL itself, in a temporary folder, on loopback, and removes it at the end.
Exit code 1 means that a statement reads a table with many rows from end to end and is not known to, or that its comment
says something else.

  --only TEXT  only statements whose name has that in it
  --json       prints the figures as JSON
  --help       prints this
`;

/** Tables that hold much: a statement that reads one from end to end is slow for a company with much. */
const large = ["employees", "log_entries", "samples", "sample_days", "companies"];

/** What was found of a case. */
interface Result extends Reads {
  readonly name: string;
  readonly what: string;
}

/** Runs the program of the command line and returns the exit code. */
async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    process.stderr.write(`${options}\n\nnpm run bench:statements -- --help lists the options.\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const comments = new Map((await readStatements()).map(({ name, comment }) => [name, comment]));
  if (![...comments.keys()].some((name) => name.includes(options.only))) {
    process.stderr.write(`--only must be a part of some of: ${[...comments.keys()].sort().join(", ")}\n`);
    return 2;
  }
  const { signal, exitCode } = listenForStop();
  process.stderr.write("Starting PostgreSQL and filling a company ...\n");
  try {
    const { results, problems } = await measure(comments, options, signal);
    if (options.json) process.stdout.write(`${JSON.stringify({ results, problems }, undefined, 2)}\n`);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    return problems.length > 0 ? 1 : 0;
  } catch (error) {
    const code = exitCode();
    const failed = error instanceof SuppressedError;
    const { explain } = await import("../src/cli/explain.ts");
    if (code && !failed) process.stderr.write("Stopped; the temporary database is gone.\n");
    else process.stderr.write(`${explain(failed ? error.error : error)}\n`);
    return code ?? 1;
  }
}

/** Reads the command line; returns what is wrong with it, if something is. */
function readOptions(): { only: string; json: boolean; help: boolean } | string {
  try {
    return parseArgs({
      options: {
        only: { type: "string", default: "" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function measure(
  comments: ReadonlyMap<string, string>,
  { only, json }: { only: string; json: boolean },
  signal: AbortSignal,
) {
  const { statementCases } = await import("./statements/cases.ts");
  const { measureCase } = await import("./statements/measure.ts");
  const { openStatementWorld } = await import("./statements/world.ts");
  const results: Result[] = [];
  const problems: string[] = [];
  await using world = await openStatementWorld(signal);
  for (const one of statementCases(world).filter(({ name }) => name.includes(only))) {
    signal.throwIfAborted();
    const reads = await measureCase(world, one);
    const result = { name: one.name, what: one.what, ...reads };
    results.push(result);
    if (!json) process.stdout.write(linesOf(result));
    const add = (problem: string) => problems.push(`${one.name}, ${one.what}: ${problem}`);
    if (reads.rows !== one.rows) add(`${reads.rows} rows instead of ${one.rows}`);
    for (const name of reads.scanned.filter((table) => large.includes(table) && !one.mayScan.includes(table))) {
      add(`reads ${name} from end to end`);
    }
  }
  problems.push(...compare(comments, results));
  return { results, problems };
}

/** What comments say and was not found, and what was found and no comment says. */
function compare(comments: ReadonlyMap<string, string>, results: readonly Result[]): string[] {
  return [...Map.groupBy(results, ({ name }) => name)].flatMap(([name, cases]) => {
    const figures = buffersIn(comments.get(name) ?? "");
    const untold = cases.filter(({ buffers }) => !figures.some((figure) => isNear(figure, buffers)));
    const unseen = figures.filter((figure) => !cases.some(({ buffers }) => isNear(figure, buffers)));
    return [
      ...untold.map(({ what, buffers }) => `${name}, ${what}: ${buffers} buffers, and its comment does not say so`),
      ...unseen.map((figure) => `${name}: its comment says ${figure} buffers, and no case has them`),
    ];
  });
}

function linesOf({ name, what, rows, buffers, of }: Result): string {
  const figure = (value: number) => value.toLocaleString("en");
  const count = (value: number, noun: string) => `${figure(value)} ${noun}${value === 1 ? "" : "s"}`;
  const parts = of.map((part) => `${figure(part.buffers)} ${part.name}`).join(", ");
  return `${name.padEnd(24)} ${what}\n  ${count(buffers, "buffer")}, ${count(rows, "row")}${parts && `: ${parts}`}\n`;
}

process.exitCode = await main();

import { parseArgs } from "node:util";
import { readStatements, saysBuffers } from "./statements/comments.ts";
import type { Reads } from "./statements/measure.ts";
import { listenForStop } from "./stopping.ts";

const usage = `Usage: npm run bench:statements -- [options]

Runs every SQL statement of the service in a company with much in it, and prints how many pages of 8 kB of which tables
and indexes each reads or writes ("buffers"), which hardly depends on the machine, and whether its comment says so. It
starts PostgreSQL itself, in a temporary folder, on loopback, and removes it at the end.
Exit code 1 means that a statement reads a table with many rows from end to end, or that its comment says something else.

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
  if (!options) return 2;
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { signal, exitCode } = listenForStop();
  process.stderr.write("Starting PostgreSQL and filling a company ...\n");
  try {
    const { results, problems } = await measure(options, signal);
    if (options.json) process.stdout.write(`${JSON.stringify({ results, problems }, undefined, 2)}\n`);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    return problems.length > 0 ? 1 : 0;
  } catch (error) {
    const code = exitCode();
    const { explain } = await import("../src/cli/explain.ts");
    process.stderr.write(code ? "Stopped; the temporary database is gone.\n" : `${explain(error)}\n`);
    return code ?? 1;
  }
}

function readOptions(): { only: string; json: boolean; help: boolean } | undefined {
  try {
    return parseArgs({
      options: {
        only: { type: "string", default: "" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${String(error)}\n\nnpm run bench:statements -- --help lists the options.\n`);
    return undefined;
  }
}

async function measure({ only, json }: { only: string; json: boolean }, signal: AbortSignal) {
  const { statementCases } = await import("./statements/cases.ts");
  const { measureCase } = await import("./statements/measure.ts");
  const { openStatementWorld } = await import("./statements/world.ts");
  const comments = new Map((await readStatements()).map(({ name, comment }) => [name, comment]));
  const results: Result[] = [];
  const problems: string[] = [];
  await using world = await openStatementWorld();
  const cases = statementCases(world).filter(({ name }) => name.includes(only));
  if (cases.length === 0) problems.push(`No statement has "${only}" in its name.`);
  for (const one of cases) {
    signal.throwIfAborted();
    const reads = await measureCase(world, one);
    const result = { name: one.name, what: one.what, ...reads };
    results.push(result);
    if (!json) process.stdout.write(linesOf(result));
    const add = (problem: string) => problems.push(`${one.name}, ${one.what}: ${problem}`);
    if (reads.rows !== one.rows) add(`${reads.rows} rows instead of ${one.rows}`);
    if (!saysBuffers(comments.get(one.name) ?? "", reads.buffers)) {
      add(`${reads.buffers} buffers, and its comment does not say so`);
    }
    for (const name of reads.scanned.filter((table) => large.includes(table) && !one.mayScan.includes(table))) {
      add(`reads ${name} from end to end`);
    }
  }
  return { results, problems };
}

function linesOf({ name, what, rows, buffers, of }: Result): string {
  const figure = (value: number) => value.toLocaleString("en");
  const count = (value: number, noun: string) => `${figure(value)} ${noun}${value === 1 ? "" : "s"}`;
  const parts = of.map((part) => `${figure(part.buffers)} ${part.name}`).join(", ");
  return `${name.padEnd(24)} ${what}\n  ${count(buffers, "buffer")}, ${count(rows, "row")}${parts && `: ${parts}`}\n`;
}

process.exitCode = await main();

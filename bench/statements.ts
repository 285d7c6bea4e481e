import { parseArgs } from "node:util";
import { statementCases } from "./statements/cases.ts";
import { readStatements, saysBuffers } from "./statements/comments.ts";
import { measureCase, type Reads } from "./statements/measure.ts";
import { openStatementWorld, size } from "./statements/world.ts";

const usage = `Usage: npm run bench:statements -- [options]

Runs every SQL statement of the service beside ${size.employees.toLocaleString("en")} employees, and prints how many pages of 8 kB of which tables
and indexes each reads or writes ("buffers"), which hardly depends on the machine, and whether its comment says so. It starts PostgreSQL itself, in a temporary folder, on loopback, and removes it at the end.
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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  process.stderr.write("Starting PostgreSQL and filling a company ...\n");
  await using world = await openStatementWorld();
  const results: Result[] = [];
  const problems: string[] = [];
  const comments = new Map((await readStatements()).map(({ name, comment }) => [name, comment]));
  for (const one of statementCases(world)) {
    if (!one.name.includes(values.only)) continue;
    const reads = await measureCase(world, one);
    const result = { name: one.name, what: one.what, ...reads };
    results.push(result);
    if (!values.json) process.stdout.write(lineOf(result));
    if (reads.rows !== one.rows) problems.push(`${one.name}, ${one.what}: ${reads.rows} rows instead of ${one.rows}`);
    if (!saysBuffers(comments.get(one.name) ?? "", reads.buffers)) {
      problems.push(`${one.name}, ${one.what}: ${reads.buffers} buffers, and its comment does not say so`);
    }
    for (const name of reads.scanned.filter((table) => large.includes(table) && !one.mayScan.includes(table))) {
      problems.push(`${one.name}, ${one.what}: reads ${name} from end to end`);
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ results, problems }, undefined, 2)}\n`);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

function lineOf({ name, what, rows, buffers, of }: Result): string {
  const parts = of.map((part) => `${part.buffers.toLocaleString("en")} ${part.name}`).join(", ");
  return `${name.padEnd(24)} ${what}\n  ${buffers.toLocaleString("en")} buffers, ${rows.toLocaleString("en")} rows: ${parts}\n`;
}

await main();

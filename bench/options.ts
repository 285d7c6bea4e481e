import { parseArgs } from "node:util";
import { type Cell, defaultPlan, fullPlan, nameOf, smokePlan } from "./plan.ts";

/** What the benchmark is told to do. */
export interface BenchOptions {
  readonly cells: readonly Cell[];
  /** Seconds of one turn. */
  readonly seconds: number;
  /** Turns of each contestant in each cell. */
  readonly rounds: number;
  /** Calls of one turn at most. */
  readonly maxCalls: number;
  /** Vaults of the larger of two services whose latency is compared; 0 measures contestants instead. */
  readonly vaults: number;
  /** Whether samples are measured instead of contestants, and the employees of the company that is asked about. */
  readonly samples: boolean;
  readonly employees: number;
  /** Whether h2load's figures stand beside the load's own. */
  readonly crossCheck: boolean;
  readonly json: boolean;
  /** Whether results and charts are written below bench/: only a whole plan is worth that. */
  readonly keep: boolean;
}

/** Vaults of the larger service unless told otherwise; only such a run is kept. */
export const defaultVaults = 10_000;

/** A command line that cannot be used. The message says what it must be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What `--help` prints. */
export const usage = `Usage: npm run bench -- [options]

Measures Wellvault beside peers that do the same work, on one PostgreSQL server and in turns: calls a second, latency,
processor time and memory. It starts everything itself, in a temporary folder, on loopback, and removes it at the end.
Exit code 1 means that a call failed, or that what was acknowledged was not stored.

  --only CELL,...  only these cells, such as write-64-200-uniform (operation, calls in flight, tenants, spread);
                   a part of a name, such as write, stands for all cells of the plan that have it
  --full           every operation with 1 to 256 in flight, 1, 200 and 1000 tenants, uniform and Zipf
  --smoke          a few calls of every contestant, or with --samples a few batches, to see that everything works
  --seconds N      seconds of one turn, 0.2 to 60; default 1
  --rounds N       turns of each contestant in each cell, 1 to 50; default 5
  --scale          instead of peers, the latency of a service with many vaults, ten or all of them called, beside one
                   with 10
  --vaults N       how many, with --scale, 20 to 20000; default ${defaultVaults}
  --samples        instead of peers, PutSamples beside COPY, the size of a sample, and answers from days beside such
                   from samples
  --employees N    of the company that is asked about, with --samples, 10 to 5000; default 1000
  --cross-check    also measures reads with h2load (Debian: nghttp2-client), to see that the load is not what is slow;
                   a whole plan does so anyway
  --json           prints the results as JSON on standard output, and everything else on standard error
  --no-write       does not write bench/results.json and the charts
  --help           prints this

A plan without --only or --smoke writes bench/results.json and the charts beside it, --samples bench/samples-results.json,
and --scale with ${defaultVaults} vaults bench/scale-results.json.
`;

/**
 * Reads the command line.
 *
 * @returns `help` when the usage is asked for
 * @throws UsageError when an argument is unknown or cannot be used
 */
export function readOptions(args: readonly string[]): BenchOptions | "help" {
  const values = parse(args);
  if (values.help) return "help";
  const plan = values.smoke ? smokePlan : values.full ? fullPlan : defaultPlan;
  const only = values.only?.split(",");
  const cells = only ? plan.filter((cell) => only.some((part) => nameOf(cell).includes(part))) : plan;
  if (cells.length === 0) throw new UsageError(`--only must name some of: ${plan.map(nameOf).join(", ")}`);
  const isWhole = !only && !values.smoke;
  return {
    cells,
    seconds: bounded("--seconds", values.seconds ?? (values.smoke ? "0.3" : "1"), 0.2, 60),
    rounds: bounded("--rounds", values.rounds ?? (values.smoke ? "1" : "5"), 1, 50),
    maxCalls: values.smoke ? 100 : 1e9,
    vaults: values.scale ? Math.floor(bounded("--vaults", values.vaults, 20, 20_000)) : 0,
    samples: values.samples,
    employees: bounded("--employees", values.employees ?? (values.smoke ? "10" : "1000"), 10, 5_000),
    crossCheck: values["cross-check"] || isWhole,
    json: values.json,
    keep: isWhole && !values["no-write"],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        full: { type: "boolean", default: false },
        smoke: { type: "boolean", default: false },
        seconds: { type: "string" },
        rounds: { type: "string" },
        scale: { type: "boolean", default: false },
        vaults: { type: "string", default: String(defaultVaults) },
        samples: { type: "boolean", default: false },
        employees: { type: "string" },
        "cross-check": { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        "no-write": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function bounded(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!(value >= min && value <= max) || (name !== "--seconds" && !Number.isInteger(value))) {
    throw new UsageError(`${name} must be a ${name === "--seconds" ? "" : "whole "}number from ${min} to ${max}`);
  }
  return value;
}

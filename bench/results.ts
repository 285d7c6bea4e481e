import type { ContestantName } from "./contestants/contestant.ts";
import { measuredFigures, type TurnFigures } from "./measure/measure-turn.ts";
import { median } from "./measure/statistics.ts";
import type { Cell } from "./plan.ts";

/** A figure that Wellvault is to reach, and what it reached. NaN when the run did not measure it. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: number;
  readonly met: boolean;
}

/** The figures of a contestant in a cell: medians of its rounds. */
export interface ContestantResult {
  readonly name: ContestantName;
  /** Calls that succeeded, in all rounds together. */
  readonly calls: number;
  /** Calls a second. */
  readonly throughput: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time for a call. */
  readonly serverCpuUs: number;
  readonly databaseCpuUs: number;
  readonly loadCpuUs: number;
  /** MB; the largest of all rounds. */
  readonly memoryMb: number;
  /** Wellvault's figures over this contestant's: medians of the ratios of each round. */
  readonly ours: { readonly throughput: number; readonly p50: number; readonly serverCpu: number };
}

/** The figures of a cell. */
export interface CellResult {
  readonly cell: Cell;
  readonly contestants: readonly ContestantResult[];
}

/** The turns of a cell: of each contestant one for each round. */
export type CellTurns = ReadonlyMap<ContestantName, readonly TurnFigures[]>;

/** Makes the figures of a cell out of its turns. */
export function summarize(cell: Cell, turns: CellTurns): CellResult {
  const ours = turns.get("ours") ?? [];
  const contestants = [...turns].map(([name, rounds]): ContestantResult => {
    const middle = (pick: (turn: TurnFigures) => number) => median(rounds.map(pick));
    const ratio = (pick: (turn: TurnFigures) => number) =>
      median(rounds.map((turn, round) => (ours[round] ? pick(ours[round]) / pick(turn) : Number.NaN)));
    return {
      name,
      calls: rounds.reduce((sum, { succeeded }) => sum + succeeded, 0),
      ...(Object.fromEntries(measuredFigures.map((figure) => [figure, middle((turn) => turn[figure])])) as Record<
        (typeof measuredFigures)[number],
        number
      >),
      memoryMb: Math.max(...rounds.map(({ memoryMb }) => memoryMb)),
      ours: {
        throughput: ratio(({ throughput }) => throughput),
        p50: ratio(({ p50 }) => p50),
        serverCpu: ratio(({ serverCpuUs }) => serverCpuUs),
      },
    };
  });
  return { cell, contestants };
}

/** The machine and the programs that figures are of. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Everything that a run found. */
export interface Results {
  /** Day of the run, as YYYY-MM-DD. */
  readonly date: string;
  /** Commit of the source, with a `+` when it was changed since. */
  readonly commit: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly rounds: number;
  readonly cells: readonly CellResult[];
  /** What Wellvault is to reach, and what it reached in this run. */
  readonly targets: readonly Target[];
  /** Empty where h2load is not installed, was not asked for, or did not have all of its calls answered. */
  readonly crossChecks: readonly CrossCheck[];
  /** What makes the run worthless; empty when nothing does. */
  readonly problems: readonly string[];
}

/** The load's own figure of a read cell beside h2load's. */
export interface CrossCheck {
  readonly name: ContestantName;
  readonly inFlight: number;
  readonly throughput: number;
  readonly h2loadThroughput: number;
}

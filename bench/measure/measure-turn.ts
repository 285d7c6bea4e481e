import type { Contestant, Turn, Work } from "../contestants/contestant.ts";
import { cpuMsOf, familyCpuMs, forgetPeak, peakMemoryMb } from "./proc.ts";

/** The figures of one turn. NaN stands for what this system or contestant does not tell. */
export interface TurnFigures {
  readonly succeeded: number;
  /** Calls a second. */
  readonly throughput: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time for a call of the contestant's process, of PostgreSQL and of the load, in microseconds. */
  readonly serverCpuUs: number;
  readonly databaseCpuUs: number;
  readonly loadCpuUs: number;
  /** Largest resident memory of the contestant's process, in MB. */
  readonly memoryMb: number;
  /** What makes the turn worthless, in words; empty when nothing does. */
  readonly problems: readonly string[];
}

/** The figures of a turn of which a cell has the median of its rounds. */
export const measuredFigures = ["throughput", "p50", "p99", "serverCpuUs", "databaseCpuUs", "loadCpuUs"] as const;

/** Has a contestant take a turn, and measures what it costs. */
export async function measureTurn(contestant: Contestant, turn: Turn, postmasterPid: number): Promise<TurnFigures> {
  const { pid } = contestant;
  const read = () => [pid === undefined ? Number.NaN : cpuMsOf(pid), familyCpuMs(postmasterPid)] as const;
  let before = read();
  let after = before;
  const work = await contestant.take(turn, {
    onLoadStart() {
      if (pid !== undefined) forgetPeak(pid);
      before = read();
    },
    onLoadEnd() {
      after = read();
    },
  });
  const calls = Math.max(1, work.succeeded);
  return {
    succeeded: work.succeeded,
    throughput: work.succeeded / work.seconds,
    p50: work.p50,
    p99: work.p99,
    serverCpuUs: ((after[0] - before[0]) * 1_000) / calls,
    databaseCpuUs: ((after[1] - before[1]) * 1_000) / calls,
    loadCpuUs: work.loadCpuUs,
    memoryMb: pid === undefined ? Number.NaN : peakMemoryMb(pid),
    problems: problemsOf(work),
  };
}

/** What is wrong with a turn: calls that failed, and calls that were acknowledged and not stored, or the reverse. */
export function problemsOf({ succeeded, failures, stored }: Work): string[] {
  const problems = Object.entries(failures).map(([reason, count]) => `${count} calls failed: ${reason}`);
  // A call whose failure came after its commit is stored and was not acknowledged; that it failed is said already.
  if (stored < succeeded || (stored > succeeded && problems.length === 0)) {
    problems.push(`${succeeded} calls were acknowledged, and the database holds the rows of ${stored}`);
  }
  if (succeeded === 0) problems.push("no call succeeded");
  return problems;
}

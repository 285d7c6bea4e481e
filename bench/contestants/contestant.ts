import type { Operation, Spread } from "../plan.ts";

/** Who is measured. */
export type ContestantName = "ours" | "isolated" | "pipelined" | "unisolated" | "documented" | "pgbench";

/** What each contestant is, for people. */
export const titles: Readonly<Record<ContestantName, string>> = {
  ours: "Wellvault",
  isolated: "grpc-js + pg, isolated",
  pipelined: "grpc-js + pg, isolated, pipelined",
  unisolated: "grpc-js + pg, not isolated",
  documented: "Connect + MikroORM, isolated",
  pgbench: "pgbench, isolated",
};

/** A turn that a contestant takes: one of its rounds in one cell, or warming up for it. */
export interface Turn {
  readonly operation: Operation;
  readonly inFlight: number;
  readonly tenants: number;
  readonly spread: Spread;
  readonly seconds: number;
  /** No more calls than about this, for turns that only look whether everything works. */
  readonly maxCalls: number;
}

/** What a contestant did in a turn. */
export interface Work {
  /** Calls acknowledged with success. */
  readonly succeeded: number;
  /** What went wrong, and how often; empty when nothing did. */
  readonly failures: Readonly<Record<string, number>>;
  /** Rows of this turn that the database holds afterwards; as many as were acknowledged, or the turn does not count. */
  readonly stored: number;
  readonly seconds: number;
  /** Latencies in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the load that made the calls, for a call, in microseconds. */
  readonly loadCpuUs: number;
}

/** Told when the part of a turn begins and ends that counts: rows are counted after it. */
export interface TurnListener {
  onLoadStart(): void;
  onLoadEnd(): void;
}

/** A contestant that is ready to be measured. */
export interface Contestant {
  readonly name: ContestantName;
  /** Process whose processor time and memory count; undefined when each turn has one of its own. */
  readonly pid: number | undefined;
  /** Whether each of its turns begins with warming up, so that it needs none for that alone. */
  readonly warmsUpItself: boolean;
  /** Takes a turn. What fails in it is in the result; it throws when there is nothing to be measured. */
  take(turn: Turn, listener: TurnListener): Promise<Work>;
}

import type { Operation, Spread } from "../plan.ts";

/** How long calls may take that wait for their answer when no new ones are made, in milliseconds. */
export const drainMs = 60_000;

/** A tenant as the load knows it. */
export interface Person {
  readonly tenantId: string;
  /** Employee who writes and whose data grows. */
  readonly writerId: string;
  /** Employee whose entries are read and never change. */
  readonly readerId: string;
}

/** One turn of load. */
export interface LoadOrder {
  /** Port on 127.0.0.1 that answers. */
  readonly port: number;
  readonly operation: Operation;
  readonly inFlight: number;
  readonly spread: Spread;
  /** The tenants that calls are for. */
  readonly people: readonly Person[];
  /** New calls are made for so long. */
  readonly seconds: number;
  /** No more calls than this. */
  readonly maxCalls: number;
  /** Number of the first call; each call writes under its own number. */
  readonly firstId: number;
}

/** What a turn of load found. */
export interface LoadResult {
  /** Calls that were made; their numbers are `firstId` and those that follow. */
  readonly made: number;
  /** Calls that were answered with success and all they should hold. */
  readonly succeeded: number;
  /** What went wrong, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the first call to the last answer. */
  readonly seconds: number;
  /** Latency in milliseconds that half of the calls, and 99 of 100, did not exceed. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the load itself for a call, in microseconds. */
  readonly loadCpuUs: number;
}

/** What the load process answers. */
export type LoadAnswer = { readonly result: LoadResult } | { readonly error: string };

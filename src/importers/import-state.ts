import type { SampleCounts } from "./push-samples.ts";

/** What became of the records of an import. */
export interface ImportCounts {
  inserted: number;
  replaced: number;
  unchanged: number;
  stale: number;
  /** Samples that a dry run would have sent. */
  accepted: number;
  /** Samples and unreadable records that were refused. */
  refused: number;
  /** Records that are left out on purpose, by what they are. */
  passedOver: Record<string, number>;
}

/** How far an import is: everything that is needed to go on. */
export interface ImportState {
  /** Events of the reader that are dealt with, all from the first on. */
  position: number;
  /** The batches of the chunk that begins at `position` that are dealt with, too, by their numbers. */
  done: number[];
  /** What became of everything that is dealt with. */
  counts: ImportCounts;
  /** Whether every file that is dealt with was read to its end. */
  complete: boolean;
}

/** What became of a batch. */
export interface BatchCounts extends SampleCounts {
  readonly accepted: number;
  readonly refused: number;
}

/** The state of an import that has not begun. */
export function newState(): ImportState {
  const counts = { inserted: 0, replaced: 0, unchanged: 0, stale: 0, accepted: 0, refused: 0, passedOver: {} };
  return { position: 0, done: [], counts, complete: true };
}

const sampleCounts = ["inserted", "replaced", "unchanged", "stale", "accepted", "refused"] as const;

/** Whether what was read has the form of a state: somebody may have changed it. */
export function isState(state: ImportState): boolean {
  const { position, done, counts, complete } = state;
  const numbers = [position, ...done, ...sampleCounts.map((name) => counts[name]), ...Object.values(counts.passedOver)];
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0) && typeof complete === "boolean";
}

/** Adds a batch to the counts. */
export function addBatch(counts: ImportCounts, batch: BatchCounts): void {
  for (const key of sampleCounts) counts[key] += batch[key];
}

/** Names of what is passed over that are kept apart; a file can hold any number of them. */
const maxNames = 200;
const otherName = "other types";

/** Counts a record that is passed over. */
export function addPassedOver({ passedOver }: ImportCounts, what: string): void {
  // A name can be one that every object has: it is asked for as this one's own, and defined instead of assigned.
  const known = Object.hasOwn(passedOver, what) || Object.keys(passedOver).length < maxNames;
  const name = known ? what : otherName;
  const value = (Object.hasOwn(passedOver, name) ? (passedOver[name] ?? 0) : 0) + 1;
  Object.defineProperty(passedOver, name, { value, writable: true, enumerable: true, configurable: true });
}

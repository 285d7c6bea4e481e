import type { StorableSample } from "./sample-rules.ts";

/** A batch in which every natural key stands once. */
export interface DedupedSamples {
  /** The samples that count, in the order of their keys. */
  readonly samples: readonly StorableSample[];
  /** For each of them how many samples of the batch have its key and version: itself and its repetitions. */
  readonly copies: readonly number[];
  /** Samples left out because the same key stands in the batch with a higher version. */
  readonly stale: number;
}

/**
 * Reduces a batch to one sample a natural key: the highest version counts, and among equal versions
 * the first. The order is the same for everybody, so batches that overlap cannot deadlock.
 */
export function dedupeSamples(batch: readonly StorableSample[]): DedupedSamples {
  const samples: StorableSample[] = [];
  const copies: number[] = [];
  let stale = 0;
  // Devices send in the order of time, which costs a sort no more than a look; and it keeps what is equal in order.
  for (const sample of batch.toSorted(compareKeys)) {
    const last = samples.length - 1;
    const other = samples[last];
    if (!other || compareKeys(other, sample) !== 0) {
      samples.push(sample);
      copies.push(1);
    } else if (sample.version > other.version) {
      stale += copies[last] ?? 0;
      samples[last] = sample;
      copies[last] = 1;
    } else if (sample.version === other.version) {
      copies[last] = (copies[last] ?? 0) + 1;
    } else {
      stale++;
    }
  }
  return { samples, copies, stale };
}

function compareKeys(one: StorableSample, other: StorableSample): number {
  if (one.kind !== other.kind) return one.kind.number - other.kind.number;
  if (one.start !== other.start) return one.start < other.start ? -1 : 1;
  if (one.daily !== other.daily) return one.daily ? 1 : -1;
  if (one.source === other.source) return 0;
  return one.source < other.source ? -1 : 1;
}

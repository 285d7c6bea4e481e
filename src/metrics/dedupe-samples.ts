import type { StorableSample } from "./sample-rules.ts";

/** A batch in which every natural key stands once. */
export interface DedupedSamples {
  /** The samples that count, in the order of their keys. */
  readonly samples: readonly StorableSample[];
  /** Samples left out because the same key stands in the batch with the same version. */
  readonly unchanged: number;
  /** Samples left out because the same key stands in the batch with a higher version. */
  readonly stale: number;
}

/**
 * Reduces a batch to one sample a natural key: the highest version counts, and among equal versions
 * the first. The order is the same for everybody, so batches that overlap cannot deadlock.
 */
export function dedupeSamples(batch: readonly StorableSample[]): DedupedSamples {
  const byKey = new Map<string, StorableSample>();
  for (const sample of batch) {
    const key = keyOf(sample);
    const other = byKey.get(key);
    if (!other || sample.version > other.version) byKey.set(key, sample);
  }
  // Counted against what is kept, so that the order of the batch does not matter.
  let unchanged = 0;
  let stale = 0;
  for (const sample of batch) {
    const kept = byKey.get(keyOf(sample));
    if (!kept || kept === sample) continue;
    if (kept.version === sample.version) unchanged++;
    else stale++;
  }
  const samples = [...byKey.values()].sort(
    (a, b) =>
      a.kind.number - b.kind.number ||
      Number(a.start - b.start) ||
      Number(a.daily) - Number(b.daily) ||
      (a.source < b.source ? -1 : a.source > b.source ? 1 : 0),
  );
  return { samples, unchanged, stale };
}

function keyOf({ kind, start, daily, source }: StorableSample): string {
  return `${kind.number} ${start} ${daily} ${source}`;
}

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
  const byKey = new Map<string, { sample: StorableSample; copies: number }>();
  for (const sample of batch) {
    const key = keyOf(sample);
    const other = byKey.get(key);
    if (!other || sample.version > other.sample.version) byKey.set(key, { sample, copies: 1 });
    else if (sample.version === other.sample.version) other.copies++;
  }
  const kept = [...byKey.values()].sort(
    ({ sample: a }, { sample: b }) =>
      a.kind.number - b.kind.number ||
      Number(a.start - b.start) ||
      Number(a.daily) - Number(b.daily) ||
      (a.source < b.source ? -1 : a.source > b.source ? 1 : 0),
  );
  return {
    samples: kept.map(({ sample }) => sample),
    copies: kept.map(({ copies }) => copies),
    stale: kept.reduce((left, { copies }) => left - copies, batch.length),
  };
}

function keyOf({ kind, start, daily, source }: StorableSample): string {
  return `${kind.number} ${start} ${daily} ${source}`;
}

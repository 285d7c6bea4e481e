import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";
import type { ImportedSample } from "./imported-sample.ts";

/** What became of the samples sent, as PutSamplesResponse counts it. */
export interface SampleCounts {
  readonly inserted: number;
  readonly replaced: number;
  readonly unchanged: number;
  readonly stale: number;
}

/** How to push samples. */
export interface PushOptions {
  /** Stores a batch of one person's samples and returns what became of them. */
  readonly send: (externalId: string, samples: readonly MetricSample[]) => Promise<SampleCounts>;
  /** Samples in a batch at most. Default 1,000, the most that PutSamples takes. */
  readonly batchSize?: number;
  /** Batches under way at the same time at most. Default 4. */
  readonly inFlight?: number;
  /** Samples waiting for their batch to fill, of all persons together, at most. Default 50,000. */
  readonly maxWaiting?: number;
}

/** Counts of nothing. */
export const noCounts: SampleCounts = { inserted: 0, replaced: 0, unchanged: 0, stale: 0 };

/** Adds two counts. */
export function addCounts(a: SampleCounts, b: SampleCounts): SampleCounts {
  return {
    inserted: a.inserted + b.inserted,
    replaced: a.replaced + b.replaced,
    unchanged: a.unchanged + b.unchanged,
    stale: a.stale + b.stale,
  };
}

/**
 * Sends samples in batches, one person's each, several at a time, and sums what became of them.
 *
 * A person's samples are sent in the order they come in, one batch after the other, so when a key
 * comes twice with the same version it is the first that counts. Memory does not grow with the
 * source: it is read no faster than the batches leave.
 *
 * @throws the first failure of `source` or `send`, once no batch is under way any more; what was sent
 *   before stays, and pushing everything again is safe
 */
export async function pushSamples(source: AsyncIterable<ImportedSample>, options: PushOptions): Promise<SampleCounts> {
  const { send, batchSize = 1_000, inFlight = 4, maxWaiting = 50_000 } = options;
  const waiting = new Map<string, MetricSample[]>();
  let waitingCount = 0;
  /** The batches under way; their promises never reject. */
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  let counts = noCounts;

  async function dispatch(externalId: string, samples: readonly MetricSample[]): Promise<void> {
    waiting.delete(externalId);
    waitingCount -= samples.length;
    await running.get(externalId);
    while (running.size >= inFlight) await Promise.race(running.values());
    if (failures.length > 0) throw failures[0];
    const batch = send(externalId, samples)
      .then(
        (result) => {
          counts = addCounts(counts, result);
        },
        (error: unknown) => void failures.push(error),
      )
      .finally(() => running.delete(externalId));
    running.set(externalId, batch);
  }

  async function dispatchAll(): Promise<void> {
    for (const [externalId, samples] of [...waiting]) await dispatch(externalId, samples);
  }

  try {
    for await (const { externalId, sample } of source) {
      const samples = waiting.get(externalId) ?? [];
      if (samples.length === 0) waiting.set(externalId, samples);
      samples.push(sample);
      waitingCount++;
      if (samples.length >= batchSize) await dispatch(externalId, samples);
      else if (waitingCount >= maxWaiting) await dispatchAll();
    }
    await dispatchAll();
  } finally {
    await Promise.all(running.values());
  }
  if (failures.length > 0) throw failures[0];
  return counts;
}

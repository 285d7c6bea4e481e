import fc from "fast-check";
import { dayMicros, fromMicros, minuteMicros, toMicros } from "../../src/civil-time.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { monday, sample } from "./samples.ts";

/** Midnight before {@link monday}. */
export const midnight = (monday / dayMicros) * dayMicros;

/** The natural key of one employee's sample, as text. */
export function keyOf({ kind, startTime, source, daily }: MetricSample): string {
  return JSON.stringify([kind, startTime && String(toMicros(startTime)), source, daily]);
}

/** Samples with few different keys, so that they meet, and with starts that differ by a microsecond. */
export const samplesThatMeet: fc.Arbitrary<MetricSample> = fc
  .record({
    kind: fc.constantFrom("heart_rate", "steps", "weight"),
    tick: fc.integer({ min: 0, max: 3 }),
    source: fc.constantFrom("watch", "ring"),
    daily: fc.boolean(),
    version: fc.bigInt({ min: 1n, max: 3n }),
    value: fc.double({ min: 20, max: 300, noNaN: true }),
  })
  .map(({ kind, tick, daily, ...rest }) => {
    const isDay = kind === "steps" && daily;
    const start = isDay ? midnight + BigInt(tick) * dayMicros : midnight + BigInt(tick);
    const end = kind === "steps" && !isDay ? { endTime: fromMicros(start + minuteMicros) } : {};
    return sample({ ...rest, kind, daily: isDay, startTime: fromMicros(start), ...end });
  });

/** What is stored of an employee, by natural key. */
export type StoredSamples = Map<string, { version: bigint; value: number }>;

/** What a batch must do to what is stored. */
export function applyBatch(stored: StoredSamples, batch: readonly MetricSample[]) {
  const counts = { insertedCount: 0, replacedCount: 0, unchangedCount: 0, staleCount: 0 };
  for (const [key, group] of Map.groupBy(batch, keyOf)) {
    const highest = group.reduce((best, one) => (one.version > best.version ? one : best));
    const before = stored.get(key);
    const written = !before || highest.version > before.version;
    if (written) stored.set(key, { version: highest.version, value: highest.value });
    const now = stored.get(key)?.version ?? 0n;
    for (const one of group) {
      if (written && one === highest) counts[before ? "replacedCount" : "insertedCount"]++;
      else counts[one.version === now ? "unchangedCount" : "staleCount"]++;
    }
  }
  return counts;
}

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dedupeSamples } from "../../src/metrics/dedupe-samples.ts";
import { kinds } from "../../src/metrics/kinds.ts";
import type { StorableSample } from "../../src/metrics/sample-rules.ts";

const some = kinds.slice(0, 2);
// Few values for each part of a key, so that keys meet often.
const storable: fc.Arbitrary<StorableSample> = fc.record({
  kind: fc.constantFrom(...some),
  start: fc.bigInt({ min: 0n, max: 1n }),
  endSeconds: fc.constant(0),
  utcOffsetMinutes: fc.constant(0),
  value: fc.integer({ min: 0, max: 1_000_000 }),
  source: fc.constantFrom("a", "a_1"),
  daily: fc.boolean(),
  version: fc.bigInt({ min: 1n, max: 4n }),
  recordingMethod: fc.constant(0),
});
const batch = fc.array(storable, { maxLength: 60 });

function keyOf(sample: StorableSample): string {
  return JSON.stringify([sample.kind.number, String(sample.start), sample.daily, sample.source]);
}

describe("a batch", () => {
  test("keeps of each key the first of the highest version, and counts the rest", () => {
    fc.assert(
      fc.property(batch, (samples) => {
        const { samples: kept, copies, stale } = dedupeSamples(samples);
        expect(copies.reduce((sum, count) => sum + count, stale)).toBe(samples.length);
        expect(new Set(kept.map(keyOf)).size).toBe(kept.length);
        for (const [key, group] of Map.groupBy(samples, keyOf)) {
          const highest = group.map((sample) => sample.version).reduce((a, b) => (a > b ? a : b));
          const same = group.filter((sample) => sample.version === highest);
          const index = kept.findIndex((sample) => keyOf(sample) === key);
          expect(kept[index]).toBe(same[0]);
          expect(copies[index]).toBe(same.length);
        }
      }),
    );
  });

  test("is counted the same in whatever order its samples stand", () => {
    const shuffled = batch.chain((samples) =>
      fc.tuple(
        fc.constant(samples),
        fc.shuffledSubarray(samples, { minLength: samples.length, maxLength: samples.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([samples, other]) => {
        const [one, two] = [dedupeSamples(samples), dedupeSamples(other)];
        expect([two.copies, two.stale]).toEqual([one.copies, one.stale]);
      }),
    );
  });

  test("is put in the same order for everybody, so that batches that overlap cannot deadlock", () => {
    fc.assert(
      fc.property(batch, batch, (one, two) => {
        const order = (samples: readonly StorableSample[]) => dedupeSamples(samples).samples.map(keyOf);
        const inTwo = new Set(order(two));
        const inOne = new Set(order(one));
        expect(order(one).filter((key) => inTwo.has(key))).toEqual(order(two).filter((key) => inOne.has(key)));
      }),
    );
  });

  test("tells apart keys whose parts run together", () => {
    const [kind] = some;
    if (!kind) throw new Error("there are no kinds");
    const base = { endSeconds: 0, utcOffsetMinutes: 0, value: 1, version: 1n, recordingMethod: 0 };
    const daily = [true, false];
    const samples = daily.flatMap((flag) =>
      ["a", "a_1"].map((source) => ({ ...base, kind, start: 1n, daily: flag, source })),
    );
    expect(dedupeSamples(samples).samples).toHaveLength(4);
  });
});

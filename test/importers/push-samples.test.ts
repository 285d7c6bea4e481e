import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MetricSample, MetricSampleSchema } from "../../src/gen/wellvault/v1/metric_pb.ts";
import type { ImportedSample } from "../../src/importers/imported-sample.ts";
import { noCounts, pushSamples } from "../../src/importers/push-samples.ts";

/** Samples of these people, numbered by their value. */
async function* samplesOf(people: readonly string[]): AsyncGenerator<ImportedSample> {
  for (const [value, externalId] of people.entries()) {
    yield { externalId, sample: create(MetricSampleSchema, { value }) };
  }
}

const pause = () => new Promise((done) => setImmediate(done));

describe("pushing samples", () => {
  it("sends every sample once, in order for each person, within all limits", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 200 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 30 }),
        async (people, batchSize, inFlight, maxWaiting) => {
          const sent = new Map<string, number[]>();
          const busy = new Set<string>();
          const counts = await pushSamples(samplesOf(people), {
            batchSize,
            inFlight,
            maxWaiting,
            async send(externalId, samples) {
              expect(busy.has(externalId)).toBe(false);
              busy.add(externalId);
              expect(busy.size).toBeLessThanOrEqual(inFlight);
              expect(samples.length).toBeGreaterThan(0);
              expect(samples.length).toBeLessThanOrEqual(batchSize);
              await pause();
              sent.set(externalId, [...(sent.get(externalId) ?? []), ...samples.map((sample) => sample.value)]);
              busy.delete(externalId);
              return { ...noCounts, inserted: samples.length - 1, unchanged: 1 };
            },
          });
          expect(counts.inserted + counts.unchanged).toBe(people.length);
          for (const externalId of new Set(people)) {
            const expected = people.flatMap((person, value) => (person === externalId ? [value] : []));
            expect(sent.get(externalId)).toEqual(expected);
          }
        },
      ),
    );
  });

  it("sends at the same time what is of different people", async () => {
    let most = 0;
    let now = 0;
    await pushSamples(samplesOf(["a", "b", "c", "d", "e", "f"]), {
      async send() {
        most = Math.max(most, ++now);
        await pause();
        now--;
        return noCounts;
      },
    });
    expect(most).toBe(4);
  });

  it("reads no further than it can send", async () => {
    const gate = Promise.withResolvers<void>();
    let read = 0;
    async function* source() {
      for await (const item of samplesOf(Array.from({ length: 1_000 }, (_, index) => `p${index % 7}`))) {
        read++;
        yield item;
      }
    }
    const pushing = pushSamples(source(), {
      batchSize: 10,
      inFlight: 2,
      async send(_, samples: readonly MetricSample[]) {
        await gate.promise;
        return { ...noCounts, inserted: samples.length };
      },
    });
    for (let i = 0; i < 5_000; i++) await Promise.resolve();
    await pause();
    // Two batches under way, one that waits for them, and the samples of seven people below a batch.
    expect(read).toBeLessThanOrEqual(3 * 10 + 7 * 9);
    gate.resolve();
    expect(await pushing).toEqual({ ...noCounts, inserted: 1_000 });
  });

  it("keeps no more waiting than it may, however many people there are", async () => {
    let read = 0;
    let sent = 0;
    let most = 0;
    async function* source() {
      for await (const item of samplesOf(Array.from({ length: 100 }, (_, index) => `p${index}`))) {
        read++;
        most = Math.max(most, read - sent);
        yield item;
      }
    }
    await pushSamples(source(), {
      maxWaiting: 20,
      async send(_, samples) {
        sent += samples.length;
        return noCounts;
      },
    });
    expect(sent).toBe(100);
    expect(most).toBe(20);
  });

  it("stops at the first failure, closes the source and leaves nothing under way", async () => {
    let closed = false;
    let underWay = 0;
    async function* source() {
      try {
        yield* samplesOf(Array.from({ length: 100 }, (_, index) => `p${index}`));
      } finally {
        closed = true;
      }
    }
    let calls = 0;
    const pushing = pushSamples(source(), {
      batchSize: 1,
      async send() {
        underWay++;
        const call = ++calls;
        await pause();
        underWay--;
        if (call === 3) throw new Error("refused");
        return noCounts;
      },
    });
    await expect(pushing).rejects.toThrow("refused");
    expect(closed).toBe(true);
    expect(underWay).toBe(0);
    expect(calls).toBeLessThan(20);
  });

  it("fails as its source fails", async () => {
    async function* source(): AsyncGenerator<ImportedSample> {
      yield* samplesOf(["a"]);
      throw new Error("unreadable");
    }
    await expect(pushSamples(source(), { send: async () => noCounts })).rejects.toThrow("unreadable");
  });
});

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { as } from "../support/clients.ts";
import { applyBatch, keyOf, type StoredSamples, samplesThatMeet } from "../support/sample-model.ts";
import { openSampleStream, type SampleStream, storedOf } from "../support/sample-streams.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

/** A sample, and a rule that it is made to break, if any. */
const sent = fc.record({
  one: samplesThatMeet,
  broken: fc.option(
    fc.constantFrom<Partial<MetricSample>>(
      { value: Number.NaN },
      { kind: "telepathy" },
      { source: "" },
      { version: 0n },
    ),
    { freq: 3 },
  ),
});

/** Where the samples are cut into batches, and which batches end their stream, to be repeated on the next. */
const streamed = fc.record({
  samples: fc.array(sent, { minLength: 1, maxLength: 60 }),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }),
  breaks: fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
});

test("any samples in any batches over any number of streams leave the rows that the model says, each once", async () => {
  await fc.assert(
    fc.asyncProperty(streamed, async ({ samples, sizes, breaks }) => {
      const employeeId = await service.hire(tenant);
      const model: StoredSamples = new Map();
      let stream: SampleStream = openSampleStream(service.clients, as("ingest_service", tenant));
      let number = 0n;
      const put = async (batch: typeof samples) => {
        const made = batch.map(({ one, broken }) => Object.assign(structuredClone(one), broken) as MetricSample);
        const told = storedOf(await stream.put({ batchNumber: ++number, employeeId, samples: made }));
        const { insertedCount, replacedCount, unchangedCount, staleCount, refusedCount, refusedIndexes } = told;
        const good = batch.filter(({ broken }) => !broken).map(({ one }) => one);
        expect({ insertedCount, replacedCount, unchangedCount, staleCount }).toEqual(applyBatch(model, good));
        expect(refusedCount).toBe(batch.length - good.length);
        expect(refusedIndexes).toEqual([...batch.keys()].filter((index) => batch[index]?.broken));
      };
      for (let at = 0, round = 0; at < samples.length; round++) {
        const batch = samples.slice(at, at + (sizes[round % sizes.length] ?? 1));
        await put(batch);
        if (breaks[round % breaks.length]) {
          // As if the acknowledgement had not been heard.
          stream.cancel();
          stream = openSampleStream(service.clients, as("ingest_service", tenant));
          number = 0n;
          await put(batch);
        }
        at += batch.length;
      }
      await stream.finish();
      const { samples: found } = await service.clients.metrics.listSamples(
        { employeeId, pageSize: 1_000 },
        as("employee", tenant, employeeId),
      );
      expect(
        new Map(found.map(({ version, value, ...key }) => [keyOf(key as MetricSample), { version, value }])),
      ).toEqual(model);
      expect(found.length).toBe(model.size);
    }),
    { numRuns: 25 },
  );
});

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromMicros, toMicros } from "../../src/civil-time.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { kindsBySlug } from "../../src/metrics/kinds.ts";
import { maxSources } from "../../src/metrics/sample-sources.ts";
import { as } from "../support/clients.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { failureOf } from "../support/errors.ts";
import { applyBatch, keyOf, midnight, type StoredSamples, samplesThatMeet } from "../support/sample-model.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

const ingest = () => as("ingest_service", tenant);
const put = (employeeId: string, samples: MetricSample[]) =>
  service.clients.metrics.putSamples({ employeeId, samples }, ingest());

type Filter = Parameters<TestService["clients"]["metrics"]["listSamples"]>[0];

/** Reads every page. */
async function list(employeeId: string, filter: Filter = {}): Promise<MetricSample[]> {
  const found: MetricSample[] = [];
  let pageToken = "";
  do {
    const page = await service.clients.metrics.listSamples(
      { ...filter, employeeId, pageToken },
      as("employee", tenant, employeeId),
    );
    if (pageToken !== "") expect(page.samples.length).toBeGreaterThan(0);
    found.push(...page.samples);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

function startOf({ startTime }: MetricSample): bigint {
  return startTime ? toMicros(startTime) : 0n;
}

const batches = fc.array(fc.array(samplesThatMeet, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 5 });

describe("batches with versions", () => {
  test("leave what the model says, count what they did, and change nothing when they are sent again", async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (sent) => {
        const employeeId = await service.hire(tenant);
        const model: StoredSamples = new Map();
        for (const batch of sent) {
          const { $typeName, ...counts } = await put(employeeId, batch);
          expect(counts).toEqual(applyBatch(model, batch));
        }
        const contents = async () =>
          new Map(
            (await list(employeeId)).map(({ version, value, ...key }) => [
              keyOf(key as MetricSample),
              { version, value },
            ]),
          );
        expect(await contents()).toEqual(model);
        for (const batch of sent) {
          const { $typeName, ...counts } = await put(employeeId, batch);
          expect(counts).toEqual(applyBatch(model, batch));
          expect(counts.insertedCount + counts.replacedCount).toBe(0);
        }
        expect(await contents()).toEqual(model);
      }),
      { numRuns: 20 },
    );
  });

  test("that overlap at the same time all succeed, never deadlock, and leave the highest versions", async () => {
    const employeeId = await service.hire(tenant);
    const random = (below: number) => Math.floor(Math.random() * below);
    const all = Array.from({ length: 60 }, (_, tick) => tick);
    const before = await countDeadlocks(service.database.admin);
    for (let round = 1; round <= 5; round++) {
      const calls = Array.from({ length: 16 }, async (_, writer) => {
        const version = BigInt(round * 100 + writer + 1);
        // Each writer in an order of its own, with sources that nobody has numbered yet.
        const samples = all
          .toSorted(() => Math.random() - 0.5)
          .slice(0, 50)
          .map((tick) =>
            sample({
              startTime: fromMicros(monday + BigInt(tick)),
              source: `source_${round}_${random(4)}`,
              version,
              value: 30 + writer,
            }),
          );
        const counts = await put(employeeId, samples);
        expect(counts.staleCount + counts.unchangedCount + counts.insertedCount + counts.replacedCount).toBe(50);
        return { samples, counts };
      });
      const done = await Promise.all(calls);
      const written = Map.groupBy(
        done.flatMap(({ samples }) => samples),
        keyOf,
      );
      // Every key was new to exactly one of the writers.
      expect(done.reduce((sum, { counts }) => sum + counts.insertedCount, 0)).toBe(written.size);
      for (const found of await list(employeeId)) {
        const versions = written.get(keyOf(found))?.map((one) => one.version);
        if (versions) expect(found.version).toBe(versions.reduce((a, b) => (a > b ? a : b)));
      }
    }
    expect(await countDeadlocks(service.database.admin)).toBe(before);
  });

  test("are atomic: one bad sample and nothing is written", async () => {
    const employeeId = await service.hire(tenant);
    const bad = sample({ kind: "weight", value: 2_000, startTime: fromMicros(monday + 1n) });
    const failure = await failureOf(put(employeeId, [sample(), bad]));
    expect(failure).toMatchObject({ code: "InvalidArgument", fields: ["samples[1].value"] });
    expect(await list(employeeId)).toEqual([]);
  });

  test("come back as they were sent, to the last digit", async () => {
    const employeeId = await service.hire(tenant);
    const sent = [
      sample({ startTime: fromMicros(monday + 1n), value: 0.1 + 60.2, version: 9_223_372_036_854_775_807n }),
      sample({ kind: "mood_valence", value: -1.5, utcOffsetMinutes: -840, recordingMethod: 4 }),
      sample({ kind: "mood_valence", value: 5e-324, startTime: fromMicros(monday - 1n), utcOffsetMinutes: 840 }),
      sample({ kind: "steps", value: 1e6, daily: true, startTime: fromMicros(midnight) }),
      sample({
        kind: "sleep_duration",
        value: 480,
        startTime: fromMicros(midnight - 3_600_000_000n),
        endTime: fromMicros(midnight + 7n * 3_600_000_000n),
      }),
    ];
    await put(employeeId, sent);
    const found = new Map((await list(employeeId)).map((one) => [keyOf(one), one]));
    expect(found.size).toBe(sent.length);
    for (const one of sent) {
      const { civilDate, recordTime, ...rest } = found.get(keyOf(one)) ?? sample();
      const { civilDate: _, recordTime: __, ...expected } = one;
      expect(rest).toEqual(expected);
      expect(recordTime).toBeDefined();
      // The night of the 4th to the 5th belongs to the day of waking.
      const days: Record<string, string> = { sleep_duration: "2026-01-05", steps: "2026-01-05" };
      if (days[one.kind]) expect(civilDate).toBe(days[one.kind]);
    }
  });
});

describe("the limit of sources", () => {
  test("turns away a batch with a new source and leaves the known ones working", async () => {
    const limited = await service.provision();
    const employeeId = await service.hire(limited);
    const send = (...samples: MetricSample[]) =>
      service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", limited));
    await send(sample({ source: "known" }));
    const { admin } = service.database;
    const { rows } = await admin.query<{ vault: string }>(
      "select vault::text from control.companies where tenant_id = $1",
      [limited],
    );
    await admin.query(`update ${rows[0]?.vault}.counters set last_value = $1 where name = 'sample_source'`, [
      maxSources - 1,
    ]);
    const startTime = fromMicros(midnight);
    // The daily values of a source count as one more.
    await send(sample({ kind: "steps", source: "known", daily: true, startTime }));
    const failure = await failureOf(send(sample({ startTime, source: "known" }), sample({ source: "new" })));
    expect(failure).toMatchObject({
      code: "ResourceExhausted",
      reason: "LIMIT_REACHED",
      metadata: { limit: "sample_sources" },
    });
    expect(await send(sample({ startTime, source: "known" }))).toMatchObject({ insertedCount: 1 });
  });
});

describe("pages", () => {
  const many = fc.uniqueArray(samplesThatMeet, { minLength: 5, maxLength: 80, selector: keyOf });

  test("of any size return each sample exactly once, newest first, for any filter", async () => {
    const filter = fc.record({
      pageSize: fc.integer({ min: 1, max: 9 }),
      kinds: fc.subarray(["heart_rate", "steps", "weight"]),
      source: fc.constantFrom("", "watch", "never_seen"),
      from: fc.integer({ min: -1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(many, filter, async (sent, { pageSize, kinds, source, from }) => {
        const employeeId = await service.hire(tenant);
        await put(employeeId, sent);
        const startTime = from < 0 ? {} : { startTime: fromMicros(midnight + BigInt(from)) };
        const found = await list(employeeId, { pageSize, kinds, source, ...startTime });
        const wanted = sent.filter(
          (one) =>
            (kinds.length === 0 || kinds.includes(one.kind)) &&
            (source === "" || one.source === source) &&
            (from < 0 || startOf(one) >= midnight + BigInt(from)),
        );
        expect(found.map(keyOf).toSorted()).toEqual(wanted.map(keyOf).toSorted());
        for (const [index, one] of found.entries()) {
          const next = found[index + 1];
          if (!next) continue;
          const order = Number(startOf(one) - startOf(next));
          expect(order).toBeGreaterThanOrEqual(0);
          // At the same time kinds stay together, so that a page's key can tell where it stopped.
          const number = (slug: string) => kindsBySlug.get(slug)?.number ?? 0;
          if (order === 0) expect(number(one.kind)).toBeGreaterThanOrEqual(number(next.kind));
        }
      }),
      { numRuns: 20 },
    );
  });

  test("do not repeat or miss a sample when others are written between them", async () => {
    const employeeId = await service.hire(tenant);
    const at = (tick: number) => sample({ startTime: fromMicros(monday + BigInt(tick)) });
    await put(employeeId, [at(10), at(20), at(30), at(40)]);
    const own = as("employee", tenant, employeeId);
    const first = await service.clients.metrics.listSamples({ employeeId, pageSize: 2 }, own);
    await put(employeeId, [at(5), at(35), at(50)]);
    const rest = await service.clients.metrics.listSamples(
      { employeeId, pageSize: 9, pageToken: first.nextPageToken },
      own,
    );
    const ticks = [...first.samples, ...rest.samples].map((one) => Number(startOf(one) - monday));
    expect(ticks).toEqual([40, 30, 20, 10, 5]);
  });
});

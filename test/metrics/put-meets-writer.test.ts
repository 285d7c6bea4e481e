import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { as } from "../support/clients.ts";
import { blockedStatements } from "../support/locks.ts";
import { beginOtherWriter, type OtherWriter } from "../support/other-writer.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
let employeeId: string;
let other: OtherWriter;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
  // The source has its number from here on.
  const first = await service.hire(tenant);
  await service.clients.metrics.putSamples({ employeeId: first, samples: [sample()] }, as("ingest_service", tenant));
});
beforeEach(async () => {
  employeeId = await service.hire(tenant);
  other = await beginOtherWriter(service.database, tenant);
});
afterAll(() => service.close());

/** A sample at the tick of this number, of version 5. */
const at = (tick: number, version = 5n) => sample({ startTime: fromMicros(monday + BigInt(tick)), version });

async function put(...samples: ReturnType<typeof at>[]): Promise<Record<string, number>> {
  const call = service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));
  const { insertedCount, replacedCount, unchangedCount, staleCount } = await call;
  return { insertedCount, replacedCount, unchangedCount, staleCount };
}

const isWaiting = () => expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);

/** Writes the sample at a tick, as one statement that waits for whoever is writing it. */
function write(writer: OtherWriter, tick: number, version: number): Promise<unknown> {
  return writer.query(
    `insert into samples (
       employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
     )
     select employee_no, 11, $2::timestamptz + $3 * interval '1 microsecond', 1, $4, 60, 0, 0, 0
     from employees where employee_id = $1
     on conflict (employee_no, kind, source_no, start_time) do update set version = excluded.version`,
    [employeeId, new Date(Number(monday / 1_000n)), tick, version],
  );
}

describe("a sample that another transaction writes while our batch waits for it, and that our snapshot never shows", () => {
  const none = { insertedCount: 2, replacedCount: 0, unchangedCount: 0, staleCount: 0 };
  // The lower version and the rollback are the control: then it is ours that counts. The sample stands twice
  // in the batch, and once more with an older version.
  test.each([
    { version: 9, end: "commit", counts: { ...none, staleCount: 3 } },
    { version: 5, end: "commit", counts: { ...none, unchangedCount: 2, staleCount: 1 } },
    { version: 3, end: "commit", counts: { ...none, replacedCount: 1, unchangedCount: 1, staleCount: 1 } },
    { version: 9, end: "rollback", counts: { ...none, insertedCount: 3, unchangedCount: 1, staleCount: 1 } },
  ] as const)("of version $version, at its $end", async ({ version, end, counts }) => {
    await write(other, 2, version);
    const answer = put(at(1), at(2), at(2), at(2, 4n), at(3));
    await isWaiting();
    await other[end]();
    expect(await answer).toEqual(counts);
    await other.close();
  });
});

describe("a sample whose deletion our snapshot shows, in a lower version, and that another transaction changes while our batch waits", () => {
  const put1 = { insertedCount: 1, replacedCount: 0, unchangedCount: 0, staleCount: 0 };
  test.each([
    { to: "a deletion of a higher version", set: "version = 7", counts: { ...put1, staleCount: 1 } },
    { to: "a higher version", set: "version = 9, recording_method = 0", counts: { ...put1, staleCount: 1 } },
    { to: "our version", set: "version = 5, recording_method = 0", counts: { ...put1, unchangedCount: 1 } },
    { to: "a deletion of our version", set: "version = 5", counts: { ...put1, staleCount: 1 } },
    { to: "another lower version", set: "version = 4, recording_method = 0", counts: { ...put1, replacedCount: 1 } },
  ])("to $to, is counted once", async ({ set, counts }) => {
    await put(at(2, 3n));
    const keys = [{ kind: "heart_rate", startTime: at(2).startTime, source: at(2).source, version: 3n }];
    const selection = { case: "keys", value: { keys } } as const;
    await service.clients.metrics.deleteSamples({ employeeId, selection }, as("ingest_service", tenant));
    await other.query(
      `update samples set ${set} where employee_no = (select employee_no from employees where employee_id = $1)`,
      [employeeId],
    );
    const answer = put(at(1), at(2));
    await isWaiting();
    await other.commit();
    expect(await answer).toEqual(counts);
    await other.close();
  });
});

test("a sample that our snapshot shows in our version is unchanged, whatever becomes of it while our batch waits: that comes after", async () => {
  await put(at(2));
  await write(other, 2, 9);
  const answer = put(at(1), at(2));
  await isWaiting();
  await other.commit();
  expect(await answer).toEqual({ insertedCount: 1, replacedCount: 0, unchangedCount: 1, staleCount: 0 });
  expect(await put(at(2))).toMatchObject({ staleCount: 1 });
  await other.close();
});

test("a sample that is replaced right after our batch stored it is not counted as stale for that", async () => {
  const { database } = service;
  await write(other, 2, 9);
  const answer = put(at(1), at(2));
  await isWaiting();
  // Waits for the sample that our batch has stored, and replaces it as soon as that is committed.
  const second = await beginOtherWriter(database, tenant);
  const replaced = write(second, 1, 9).then(() => second.commit());
  // Holds up the look at what was not stored until then: it waits for our batch, and then comes first.
  const third = await beginOtherWriter(database, tenant);
  const held = third.query("lock table sample_sources in access exclusive mode");
  const waiting = "select count(*)::integer as count from pg_locks where not granted";
  await expect
    .poll(async () => (await database.admin.query<{ count: number }>(waiting)).rows[0]?.count, { interval: 5 })
    .toBe(3);
  await other.commit();
  await Promise.all([replaced, held]);
  await third.commit();
  expect(await answer).toEqual({ insertedCount: 1, replacedCount: 0, unchangedCount: 0, staleCount: 1 });
  await Promise.all([other, second, third].map((writer) => writer.close()));
});

describe("a batch with a source seen for the first time", () => {
  test("sent for an employee that there is not numbers nothing", async () => {
    const samples = [sample({ source: "new_source" })];
    const call = service.clients.metrics.putSamples(
      { employeeId: crypto.randomUUID(), samples },
      as("ingest_service", tenant),
    );
    await expect(call).rejects.toThrow(/Employee/);
    // The same slug would be refused if it had a number.
    await other.query("insert into sample_sources (source_no, slug, daily) values (2, 'new_source', false)");
    await other.rollback();
    await other.close();
  });

  test("stores samples of known and new sources together, and counts them all", async () => {
    const mixed = [at(1), sample({ source: "ring", version: 5n }), sample({ source: "scale", version: 5n })];
    expect(await put(...mixed)).toMatchObject({ insertedCount: 3 });
    expect(await put(...mixed, at(7))).toEqual({
      insertedCount: 1,
      replacedCount: 0,
      unchangedCount: 3,
      staleCount: 0,
    });
    await other.close();
  });
});

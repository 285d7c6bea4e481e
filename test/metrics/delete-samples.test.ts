import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { type MetricSample, RecordingMethod } from "../../src/gen/wellvault/v1/metric_pb.ts";
import type { Role } from "../../src/identity/principal.ts";
import { as } from "../support/clients.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { failureOf } from "../support/errors.ts";
import { blockedStatements } from "../support/locks.ts";
import { beginOtherWriter } from "../support/other-writer.ts";
import { monday, sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
beforeEach(async () => {
  employeeId = await service.hire(tenant);
});
afterAll(() => service.close());

const at = (tick: number, over: Parameters<typeof sample>[0] = {}) =>
  sample({ startTime: fromMicros(monday + BigInt(tick) * 1_000_000n), ...over });

const put = (...samples: MetricSample[]) =>
  service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenant));

const remove = (samples: MetricSample[], role: Role = "ingest_service", id = employeeId) =>
  service.clients.metrics.deleteSamples(
    { employeeId: id, selection: { case: "keys", value: { keys: samples.map(sampleKey) } } },
    as(role, tenant, employeeId),
  );

const removeUpTo = (version: bigint, ...samples: MetricSample[]) => {
  const value = { keys: samples.map((one) => ({ ...sampleKey(one), version })) };
  const request = { employeeId, selection: { case: "keys" as const, value } };
  return service.clients.metrics.deleteSamples(request, as("ingest_service", tenant));
};

const range = (from: number, to: number, source = "watch", kinds: string[] = []) =>
  service.clients.metrics.deleteSamples(
    {
      employeeId,
      selection: {
        case: "range",
        value: { source, kinds, startTime: at(from).startTime as object, endTime: at(to).startTime as object },
      },
    },
    as("employee", tenant, employeeId),
  );

async function list(): Promise<MetricSample[]> {
  const { samples } = await service.clients.metrics.listSamples(
    { employeeId, pageSize: 10_000 },
    as("employee", tenant, employeeId),
  );
  return samples.reverse();
}

const ticks = async () =>
  (await list()).map(({ startTime }) => Number((startTime?.seconds ?? 0n) - monday / 1_000_000n));

describe("a sample that was deleted by its key", () => {
  test("is gone, and stays gone when the same version or a lower one is sent again", async () => {
    const both = [at(1, { version: 3n }), at(2, { version: 3n })];
    await put(...both);
    expect(await remove([at(1)])).toMatchObject({ deletedCount: 1n, missingCount: 0 });
    expect(await ticks()).toEqual([2]);
    const { $typeName, ...again } = await put(...both, at(1, { version: 2n }));
    expect(again).toEqual({ insertedCount: 0, replacedCount: 0, unchangedCount: 1, staleCount: 2 });
    expect(await ticks()).toEqual([2]);
  });

  test("comes back with a higher version only", async () => {
    await put(at(1, { version: 3n }));
    await remove([at(1)]);
    expect(await put(at(1, { version: 4n, value: 99 }))).toMatchObject({ replacedCount: 1 });
    expect(await list()).toMatchObject([{ value: 99, version: 4n, recordingMethod: RecordingMethod.UNSPECIFIED }]);
  });

  test("leaves nothing of its value in the database", async () => {
    await put(at(1, { value: 123.5 }));
    await remove([at(1)]);
    const { admin } = service.database;
    const { rows } = await admin.query("select vault::text from control.companies where tenant_id = $1", [tenant]);
    const stored = await admin.query(
      `select s.value, s.recording_method from ${rows[0].vault}.samples as s
       join ${rows[0].vault}.employees as e using (employee_no) where e.employee_id = $1`,
      [employeeId],
    );
    expect(stored.rows).toEqual([{ value: 0, recording_method: -1 }]);
  });

  test("stays when it has a higher version than the key, and the tombstone has the key's when that is higher", async () => {
    await put(at(1, { version: 5n }), at(2, { version: 5n }), at(3, { version: 5n }));
    const keys = [
      { ...sampleKey(at(1)), version: 4n },
      { ...sampleKey(at(2)), version: 5n },
      { ...sampleKey(at(3)), version: 9n },
      { ...sampleKey(at(3)), version: 6n },
      { ...sampleKey(at(4)), version: 6n },
    ];
    const call = service.clients.metrics.deleteSamples(
      { employeeId, selection: { case: "keys", value: { keys } } },
      as("ingest_service", tenant),
    );
    expect(await call).toMatchObject({ deletedCount: 2n, staleCount: 1, missingCount: 1 });
    expect(await put(at(2, { version: 6n }), at(3, { version: 9n }))).toMatchObject({
      replacedCount: 1,
      staleCount: 1,
    });
    expect(await ticks()).toEqual([1, 2]);
  });

  test("and is deleted again by a key with a higher version has a tombstone of that, which is no deletion more", async () => {
    await put(at(1, { version: 2n }), at(2, { version: 8n }));
    await remove([at(1), at(2)]);
    const deletion = (version: bigint) => removeUpTo(version, at(1), at(2));
    expect(await deletion(5n)).toMatchObject({ deletedCount: 0n, staleCount: 0, missingCount: 2 });
    // Lower versions, and none, take nothing back.
    expect(await deletion(1n)).toMatchObject({ deletedCount: 0n, staleCount: 0, missingCount: 2 });
    await remove([at(1), at(2)]);
    // What was on its way when it was deleted comes late.
    expect(await put(at(1, { version: 5n }), at(2, { version: 8n }))).toMatchObject({ staleCount: 2 });
    expect(await put(at(1, { version: 6n }), at(2, { version: 9n }))).toMatchObject({ replacedCount: 2 });
  });

  test("is told from samples of other kinds, times, sources and from the daily value", async () => {
    const midnight = fromMicros((monday / 86_400_000_000n) * 86_400_000_000n);
    const steps = { kind: "steps", startTime: midnight, value: 5 };
    const end = { endTime: fromMicros((monday / 86_400_000_000n) * 86_400_000_000n + 60_000_000n) };
    await put(sample({ ...steps, daily: true }), sample({ ...steps, ...end }), at(1), at(1, { source: "ring" }), at(2));
    expect(await remove([sample({ ...steps, daily: true }), at(1, { source: "ring" })])).toMatchObject({
      deletedCount: 2n,
    });
    expect(await list()).toMatchObject([{ kind: "steps", daily: false }, { source: "watch" }, { source: "watch" }]);
  });

  test("counts once however often its key stands there, and as missing when it is deleted again", async () => {
    await put(at(1));
    const unknown = at(1, { source: "never_seen" });
    expect(await remove([at(1), at(1), at(5), unknown])).toMatchObject({ deletedCount: 1n, missingCount: 2 });
    expect(await remove([at(1)])).toMatchObject({ deletedCount: 0n, missingCount: 1 });
  });
});

test("of two deletions at once the tombstone has the higher version, whichever comes first", async () => {
  for (const [theirs, ours] of [
    [3n, 9n],
    [9n, 3n],
  ] as const) {
    const one = at(1, { source: `watch_${ours}`, version: 2n });
    await put(one);
    const other = await beginOtherWriter(service.database, tenant);
    await other.query(
      `update samples set recording_method = -1, value = 0, version = $2
       where employee_no = (select employee_no from employees where employee_id = $1) and version = 2`,
      [employeeId, theirs],
    );
    const deletion = removeUpTo(ours, one);
    await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);
    await other.commit();
    expect(await deletion).toMatchObject({ deletedCount: 0n, missingCount: 1, staleCount: 0 });
    await other.close();
    expect(await put({ ...one, version: 9n })).toMatchObject({ staleCount: 1 });
    expect(await put({ ...one, version: 10n })).toMatchObject({ replacedCount: 1 });
  }
});

describe("a range", () => {
  test("deletes what starts in it, of the source and the kinds it names, daily values too", async () => {
    const midnight = fromMicros((monday / 86_400_000_000n) * 86_400_000_000n + 86_400_000_000n);
    await put(at(1), at(2), at(3), at(2, { source: "ring" }), at(2, { kind: "weight" }));
    await put(sample({ kind: "steps", daily: true, startTime: midnight, value: 1 }));
    expect(await range(2, 3, "watch", ["heart_rate"])).toMatchObject({ deletedCount: 1n, missingCount: 0 });
    expect(await ticks()).toEqual([1, 2, 2, 3, expect.any(Number)]);
    expect(await range(1, 200_000)).toMatchObject({ deletedCount: 4n });
    expect(await list()).toMatchObject([{ source: "ring" }]);
    expect(await range(1, 200_000)).toMatchObject({ deletedCount: 0n });
    expect(await range(1, 200_000, "never_seen")).toMatchObject({ deletedCount: 0n });
  });

  test("of more samples than one step takes is deleted whole, with two sources at the same times", async () => {
    for (let batch = 0; batch < 12; batch++) {
      const of = (source: string) =>
        Array.from({ length: 500 }, (_, index) => at(batch * 500 + index, { source, value: 60 }));
      await put(...of("watch"), ...of("ring"));
    }
    expect(await range(0, 6_000)).toMatchObject({ deletedCount: 6_000n });
    expect((await list()).map(({ source }) => source)).toEqual(Array(6_000).fill("ring"));
    const { buckets } = await service.clients.metrics.aggregateSamples(
      { employeeId, kinds: ["heart_rate"], period: 1, startDate: "2026-01-05", endDate: "2026-01-06" },
      as("employee", tenant, employeeId),
    );
    expect(buckets).toMatchObject([{ count: 6_000n }]);
  }, 60_000);
});

describe("bad keys and ranges", () => {
  test("are refused by index and field, and delete nothing", async () => {
    await put(at(1));
    const failure = await failureOf(remove([at(1), at(1, { kind: "unknown" })]));
    expect(failure).toMatchObject({ code: "InvalidArgument", fields: ["keys.keys[1].kind"] });
    const bad = at(1, { startTime: { seconds: 1n, nanos: 1_000_000_000 } });
    expect(await failureOf(remove([bad]))).toMatchObject({ fields: ["keys.keys[0].start_time"] });
    expect(await failureOf(remove([]))).toMatchObject({ fields: ["keys.keys"] });
    expect(await failureOf(range(2, 2))).toMatchObject({ fields: ["range.end_time"] });
    expect(await failureOf(range(1, 2, "watch", ["unknown"]))).toMatchObject({ fields: ["range.kinds[0]"] });
    const none = service.clients.metrics.deleteSamples({ employeeId }, as("ingest_service", tenant));
    expect(await failureOf(none)).toMatchObject({ code: "InvalidArgument", fields: ["selection"] });
    expect(await ticks()).toEqual([1]);
  });

  test("of somebody else are refused: another employee, and an employee of another tenant", async () => {
    await put(at(1));
    const somebody = await service.hire(tenant);
    expect(await failureOf(remove([at(1)], "employee", somebody))).toMatchObject({ code: "PermissionDenied" });
    const other = await service.provision();
    const call = (id: string) =>
      service.clients.metrics.deleteSamples(
        { employeeId: id, selection: { case: "keys", value: { keys: [sampleKey(at(1))] } } },
        as("ingest_service", other),
      );
    expect(await failureOf(call(employeeId))).toMatchObject({ code: "NotFound" });
    expect(await ticks()).toEqual([1]);
  });
});

test("an employee who has left still deletes, and nothing new is stored", async () => {
  await put(at(1), at(2));
  await service.clients.employees.updateEmployee(
    { employeeId, employee: { state: EmployeeState.OFFBOARDED }, updateMask: { paths: ["state"] } },
    as("company_admin", tenant),
  );
  expect(await remove([at(1)], "employee")).toMatchObject({ deletedCount: 1n });
  expect(await range(0, 10)).toMatchObject({ deletedCount: 1n });
  expect(await failureOf(put(at(3)))).toMatchObject({ reason: "EMPLOYEE_OFFBOARDED" });
});

test("deletions beside writes of the same samples end in one of the two orders, without a deadlock", async () => {
  const samples = Array.from({ length: 200 }, (_, tick) => at(tick));
  const before = await countDeadlocks(service.database.admin);
  for (let round = 1n; round <= 10n; round++) {
    const mixed = samples.toSorted(() => Math.random() - 0.5);
    const writes = [1, 2, 3].map((n) =>
      put(...samples.toSorted(() => Math.random() - 0.5).map((one) => ({ ...one, version: round * 10n + BigInt(n) }))),
    );
    await Promise.all([...writes, remove(mixed), range(0, 200)]);
    const left = await list();
    for (const { version } of left) expect(version).toBe(round * 10n + 3n);
    const { buckets } = await service.clients.metrics.aggregateSamples(
      { employeeId, kinds: ["heart_rate"], period: 1, startDate: "2026-01-05", endDate: "2026-01-06" },
      as("employee", tenant, employeeId),
    );
    expect(Number(buckets[0]?.count ?? 0n)).toBe(left.length);
  }
  expect(await countDeadlocks(service.database.admin)).toBe(before);
});

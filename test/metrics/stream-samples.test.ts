import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fromMicros, minuteMicros } from "../../src/civil-time.ts";
import { BadRequestSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { maxSources } from "../../src/metrics/sample-sources.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { type Batch, openSampleStream, refusalOf, type SampleStream, storedOf } from "../support/sample-streams.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision("acme");
});
afterAll(async () => {
  // Nothing of what this file sends is a defect of the service.
  expect(service.logLines).toEqual([]);
  await service.close();
});

let employeeId: string;
beforeEach(async () => {
  employeeId = await service.hire(tenant);
});

let streams: SampleStream[] = [];
afterEach(() => {
  for (const stream of streams) stream.cancel();
  streams = [];
});

function open(caller = as("ingest_service", tenant)): SampleStream {
  const stream = openSampleStream(service.clients, caller);
  streams.push(stream);
  return stream;
}

/** A sample some minutes after {@link monday}. */
const at = (minute: number, over: Parameters<typeof sample>[0] = {}) =>
  sample({ startTime: fromMicros(monday + BigInt(minute) * minuteMicros), ...over });
const batch = (batchNumber: number, samples: MetricSample[], id = employeeId): Batch => ({
  batchNumber: BigInt(batchNumber),
  employeeId: id,
  samples,
});

async function listed(id = employeeId, tenantId = tenant): Promise<MetricSample[]> {
  const { samples } = await service.clients.metrics.listSamples(
    { employeeId: id, pageSize: 10_000 },
    as("employee", tenantId, id),
  );
  return samples;
}

const nothing = { insertedCount: 0, replacedCount: 0, unchangedCount: 0, staleCount: 0 };
const noneRefused = { refusedCount: 0, refusedIndexes: [], violations: [], violationCount: 0 };

test("each batch is acknowledged by its number, in their order, with what its samples did", async () => {
  const stream = open();
  for (const [number, samples] of [
    [3, [at(1), at(2), at(2)]],
    [4, [at(2), at(3)]],
    [900, [at(1, { version: 2n, value: 61 }), at(1)]],
    [901, [at(1)]],
  ] as const) {
    stream.send(batch(number, [...samples]));
  }
  const told = (await stream.finish()).map((response) => [response.batchNumber, storedOf(response)]);
  expect(told).toEqual([
    [3n, { ...nothing, ...noneRefused, insertedCount: 2, unchangedCount: 1 }],
    [4n, { ...nothing, ...noneRefused, insertedCount: 1, unchangedCount: 1 }],
    [900n, { ...nothing, ...noneRefused, replacedCount: 1, staleCount: 1 }],
    [901n, { ...nothing, ...noneRefused, staleCount: 1 }],
  ]);
  expect((await listed()).map(({ value }) => value)).toEqual([60, 60, 61]);
});

describe("bad samples", () => {
  const hours = (count: number) => BigInt(count) * 60n * minuteMicros;
  const steps = { kind: "steps", endTime: fromMicros(monday + minuteMicros) };
  const bad: readonly (readonly [name: string, field: string, sample: () => MetricSample])[] = [
    ["an unknown kind", "kind", () => sample({ kind: "telepathy" })],
    ["no kind", "kind", () => sample({ kind: "" })],
    ["a value above its bounds", "value", () => sample({ value: 301 })],
    ["a value below its bounds", "value", () => sample({ value: 0 })],
    ["NaN", "value", () => sample({ value: Number.NaN })],
    ["infinity", "value", () => sample({ value: Number.POSITIVE_INFINITY })],
    ["a SUM kind at an instant", "end_time", () => sample({ kind: "steps" })],
    ["no offset", "utc_offset_minutes", () => sample({ utcOffsetMinutes: undefined as never })],
    ["an offset too far east", "utc_offset_minutes", () => sample({ utcOffsetMinutes: 841 })],
    [
      "a start more than 24 hours ahead",
      "start_time",
      () => sample({ startTime: timestampFromDate(new Date(Date.now() + 24 * 3_600_000 + 300_000)) }),
    ],
    ["no start", "start_time", () => sample({ startTime: undefined as never })],
    [
      "an interval that is too long",
      "end_time",
      () => sample({ ...steps, endTime: fromMicros(monday + hours(24) + 1_000_000n) }),
    ],
    ["an end before the start", "end_time", () => sample({ ...steps, endTime: fromMicros(monday - minuteMicros) })],
    ["a version below 1", "version", () => sample({ version: 0n })],
    ["a source that is no slug", "source", () => sample({ source: "my watch" })],
  ];

  test("are told by index, in PutSamples' words, and their good neighbours are stored", async () => {
    const samples = bad.flatMap(([, , make], index) => [at(index), make()]);
    const response = storedOf(await open().put(batch(1, samples)));
    expect(response).toMatchObject({ ...nothing, insertedCount: bad.length, refusedCount: bad.length });
    expect(response.refusedIndexes).toEqual(bad.map((_, index) => 2 * index + 1));
    expect(response.violationCount).toBe(response.violations.length);
    for (const [index, [name, field, make]] of bad.entries()) {
      const place = 2 * index + 1;
      const own = response.violations.filter((violation) => violation.index === place);
      expect([...new Set(own.map((violation) => violation.field))], name).toEqual([`samples[${place}].${field}`]);
      const alone = service.clients.metrics.putSamples({ employeeId, samples: [make()] }, as("ingest_service", tenant));
      const error = ConnectError.from(await alone.catch((reason: unknown) => reason));
      const words = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
      expect(
        own.map(({ reason, description }) => [reason, description]),
        name,
      ).toEqual(words.map(({ reason, description }) => [reason, description]));
    }
    expect((await listed()).length).toBe(bad.length);
  });

  test("of which there are many are all counted and placed, and the first of their rules are told", async () => {
    const samples = Array.from({ length: 1_000 }, (_, index) =>
      index === 500 ? at(0) : sample({ kind: "x".repeat(64), value: Number.NaN, version: -1n }),
    );
    const { violations, ...counts } = storedOf(await open().put(batch(1, samples)));
    expect(counts).toMatchObject({ insertedCount: 1, refusedCount: 999, violationCount: 3 * 999 });
    expect(counts.refusedIndexes).toEqual(
      samples
        .keys()
        .filter((index) => index !== 500)
        .toArray(),
    );
    expect(violations.length).toBe(100);
    expect(violations.map(({ index }) => index)).toEqual(violations.map((_, place) => Math.floor(place / 3)));
  });

  test("alone in a batch leave nothing, and the stream goes on", async () => {
    const stream = open();
    expect(storedOf(await stream.put(batch(1, [sample({ value: 301 })])))).toMatchObject({
      ...nothing,
      refusedIndexes: [0],
    });
    expect(await listed()).toEqual([]);
    expect(storedOf(await stream.put(batch(2, [at(0)])))).toMatchObject({ insertedCount: 1 });
  });

  test("are never repeated to whoever sent them", async () => {
    const secret = "secret_of_mine";
    const response = await open().put(batch(1, [sample({ kind: secret }), sample({ source: `${secret} ` })]));
    expect(JSON.stringify(storedOf(response))).not.toContain(secret);
  });
});

describe("a batch that cannot be stored is refused as a whole, and the stream goes on", () => {
  test("for an employee whom the tenant does not have, as is another tenant's, whose rows stay as they are", async () => {
    const other = await service.provision("globex");
    const theirs = await service.hire(other);
    await service.clients.metrics.putSamples(
      { employeeId: theirs, samples: [at(0, { value: 77 })] },
      as("ingest_service", other),
    );
    const before = await listed(theirs, other);
    const stream = open();
    for (const [number, id] of [crypto.randomUUID(), theirs].entries()) {
      const { reason, message } = refusalOf(await stream.put(batch(number + 1, [at(0, { version: 9n }), at(1)], id)));
      expect(reason).toBe(ErrorReason.RESOURCE_NOT_FOUND);
      expect(message).not.toContain(id);
    }
    expect(storedOf(await stream.put(batch(9, [at(0)])))).toMatchObject({ insertedCount: 1 });
    expect(await listed(theirs, other)).toEqual(before);
    // The control: the same batch, by the tenant whose employee it is.
    const control = open(as("ingest_service", other));
    expect(storedOf(await control.put(batch(1, [at(0, { version: 9n }), at(1)], theirs)))).toMatchObject({
      insertedCount: 1,
      replacedCount: 1,
    });
  });

  test("for one who has left", async () => {
    const left = await service.hire(tenant);
    await service.clients.employees.updateEmployee(
      { employeeId: left, employee: { state: EmployeeState.OFFBOARDED }, updateMask: { paths: ["state"] } },
      as("company_admin", tenant),
    );
    const stream = open();
    const { reason } = refusalOf(await stream.put(batch(1, [at(0)], left)));
    expect(reason).toBe(ErrorReason.EMPLOYEE_OFFBOARDED);
    expect(storedOf(await stream.put(batch(2, [at(0)])))).toMatchObject({ insertedCount: 1 });
  });

  test("without samples, with too many, or for an id that is none", async () => {
    const stream = open();
    const many = Array.from({ length: 1_001 }, (_, index) => at(index));
    const flood = Array.from({ length: 8_000 }, () => sample({ kind: "" }));
    const wrong: [field: string, sent: Batch][] = [
      ["samples", batch(1, [])],
      ["samples", batch(2, many)],
      ["samples", batch(3, flood)],
      ["employee_id", batch(4, [at(0)], "not-a-uuid")],
      ["employee_id", batch(5, [at(0)], "")],
    ];
    for (const [field, sent] of wrong) {
      const { reason, message } = refusalOf(await stream.put(sent));
      expect([reason, message]).toEqual([ErrorReason.FIELD_INVALID, expect.stringMatching(`^${field}: `)]);
    }
    expect(await listed()).toEqual([]);
    expect(storedOf(await stream.put(batch(6, many.slice(0, 1_000))))).toMatchObject({ insertedCount: 1_000 });
  });

  test("with a source too many, while batches with known sources are stored", async () => {
    const limited = await service.provision("limited");
    const id = await service.hire(limited);
    const { admin } = service.database;
    const stream = open(as("ingest_service", limited));
    await stream.put(batch(1, [at(0, { source: "known" })], id));
    const { rows } = await admin.query<{ vault: string }>(
      "select vault::text from control.companies where tenant_id = $1",
      [limited],
    );
    const set = `update ${rows[0]?.vault}.counters set last_value = $1 where name = 'sample_source'`;
    await admin.query(set, [maxSources]);
    const { reason, metadata } = refusalOf(
      await stream.put(batch(2, [at(1, { source: "known" }), at(1, { source: "new" })], id)),
    );
    expect([reason, metadata]).toEqual([
      ErrorReason.LIMIT_REACHED,
      { limit: "sample_sources", maximum: String(maxSources) },
    ]);
    expect(storedOf(await stream.put(batch(3, [at(1, { source: "known" })], id)))).toMatchObject({ insertedCount: 1 });
  });
});

describe("numbers of batches", () => {
  test.each([
    ["the same again", [5, 5]],
    ["a lower one", [5, 4]],
    ["zero", [0]],
    ["a negative one", [-1]],
  ])("must ascend from 1: %s ends the stream, and what came before is stored", async (_, numbers) => {
    const stream = open();
    for (const [index, number] of numbers.entries()) stream.send(batch(number, [at(index)]));
    const responses: unknown[] = [];
    for (const _ of numbers.slice(1)) responses.push(storedOf(await stream.next()));
    expect(await failureOf(stream.next())).toMatchObject({
      code: "InvalidArgument",
      reason: "FIELD_INVALID",
      fields: ["batch_number"],
    });
    expect((await listed()).length).toBe(responses.length);
  });

  test("begin anew with each stream", async () => {
    await open().put(batch(5, [at(0)]));
    expect(storedOf(await open().put(batch(1, [at(0)])))).toMatchObject({ unchangedCount: 1 });
  });
});

describe("an employee", () => {
  test("streams for the own id, however it is written, and for nobody else in any message", async () => {
    const colleague = await service.hire(tenant);
    const stream = open(as("employee", tenant, employeeId));
    expect(storedOf(await stream.put(batch(1, [at(0)])))).toMatchObject({ insertedCount: 1 });
    const capitals = batch(2, [at(1)], employeeId.toUpperCase());
    expect(storedOf(await stream.put(capitals))).toMatchObject({ insertedCount: 1 });
    expect(await failureOf(stream.put(batch(3, [at(0)], colleague)))).toMatchObject({
      code: "PermissionDenied",
      reason: "ACCESS_DENIED",
    });
    expect([(await listed()).length, (await listed(colleague)).length]).toEqual([2, 0]);
    const first = open(as("employee", tenant, employeeId));
    expect((await failureOf(first.put(batch(1, [at(0)], colleague)))).reason).toBe("ACCESS_DENIED");
  });

  test.each(["coach", "company_admin", "auditor", "platform_operator"] as const)(
    "and an ingest service stream, a %s does not",
    async (role) => {
      expect((await failureOf(open(as(role, tenant)).put(batch(1, [at(0)])))).reason).toBe("ACCESS_DENIED");
      expect(await listed()).toEqual([]);
    },
  );
});

test("two streams with the same samples at once count every sample once", async () => {
  const all = Array.from({ length: 400 }, (_, minute) => at(minute));
  const send = async (samples: MetricSample[]) => {
    const stream = open();
    for (let from = 0; from < samples.length; from += 40) {
      stream.send(batch(from + 1, samples.slice(from, from + 40)));
    }
    return (await stream.finish()).map(storedOf);
  };
  // In opposite orders, so that their batches overlap in every way.
  const counts = (await Promise.all([send(all), send(all.toReversed()), send(all)])).flat();
  const sum = (of: (stored: ReturnType<typeof storedOf>) => number) => counts.reduce((all, one) => all + of(one), 0);
  expect(sum(({ insertedCount }) => insertedCount)).toBe(400);
  expect(sum(({ unchangedCount }) => unchangedCount)).toBe(800);
  expect((await listed()).length).toBe(400);
});

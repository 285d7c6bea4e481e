import { once } from "node:events";
import { type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { StreamSamplesRequestSchema } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { expectQuiet, holdTable } from "../support/locks.ts";
import {
  type Batch,
  openGrpcJsSampleStream,
  openSampleStream,
  type SampleStream,
  storedOf,
} from "../support/sample-streams.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { envelope, failureOfResponse, openWire, responseOf } from "../support/wire.ts";

/** Eight places, so two for a tenant, and as few connections. */
let service: TestService;
/** The same database, but with little patience, and one place for a tenant. */
let hasty: TestService;
const idleMs = 1_000;
let tenant: string;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService({ sampleStreams: 8, poolSize: 2 });
  tenant = await service.provision("acme");
  employeeId = await service.hire(tenant);
  hasty = await startTestService({ sampleStreams: 4, streamIdleMs: idleMs, defaultTimeoutMs: 500 }, service.database);
});
afterAll(async () => {
  await hasty.close();
  expect([...service.logLines, ...hasty.logLines]).toEqual([]);
  await service.close();
});

let streams: SampleStream[] = [];
afterEach(async () => {
  // To the end, so that the next test finds the places free.
  await Promise.all(streams.map((stream) => stream.finish().catch(() => undefined)));
  streams = [];
});

function keep(stream: SampleStream): SampleStream {
  streams.push(stream);
  return stream;
}
const ingest = (tenantId = tenant) => as("ingest_service", tenantId);
const open = (on: TestService, caller = ingest()) => keep(openSampleStream(on.clients, caller));

/** A batch with one sample, of a second of its own. */
let seconds = 0n;
function batch(batchNumber: number, id = employeeId): Batch {
  const startTime = fromMicros(monday + ++seconds * 1_000_000n);
  return { batchNumber: BigInt(batchNumber), employeeId: id, samples: [sample({ startTime })] };
}

async function storedCount(): Promise<number> {
  const { samples } = await service.clients.metrics.listSamples(
    { employeeId, pageSize: 10_000 },
    as("employee", tenant, employeeId),
  );
  return samples.length;
}

/** Waits until a stream of the tenant finds a place. */
async function expectPlace(on: TestService): Promise<void> {
  const attempt = async () => {
    const stream = openSampleStream(on.clients, ingest());
    try {
      const { insertedCount } = storedOf(await stream.put(batch(1)));
      await stream.finish();
      return insertedCount;
    } catch {
      return 0;
    }
  };
  await expect.poll(attempt, { interval: 20, timeout: 10_000 }).toBe(1);
}

describe("a caller who sends nothing", () => {
  test.each([
    ["connect-node", () => open(hasty)],
    ["grpc-js", () => keep(openGrpcJsSampleStream(hasty.address, ingest()))],
  ])("any more is told so, keeps what was acknowledged, and gives the place up (%s)", async (_, begin) => {
    const before = await storedCount();
    const stream = begin();
    expect(storedOf(await stream.put(batch(1)))).toMatchObject({ insertedCount: 1 });
    expect(await failureOf(stream.next())).toMatchObject({ code: "Aborted", reason: "STREAM_IDLE" });
    expect(await storedCount()).toBe(before + 1);
    await expectPlace(hasty);
  });

  test("from the start, or never a whole batch, is told so", async () => {
    const wire = await openWire(hasty.address);
    const stream = wire.open(path, { "content-type": "application/grpc", ...ingest().headers });
    const answer = responseOf(stream);
    stream.write(
      envelope(toBinary(StreamSamplesRequestSchema, create(StreamSamplesRequestSchema, batch(1)))).subarray(0, 20),
    );
    expect(failureOfResponse(await answer)).toMatchObject({ code: "Aborted", reason: "STREAM_IDLE" });
    wire.close();
    await expectPlace(hasty);
  });

  test("the control: one who sends now and then is kept for longer", async () => {
    const stream = open(hasty);
    for (let number = 1; number <= 8; number++) {
      expect(storedOf(await stream.put(batch(number)))).toMatchObject({ insertedCount: 1 });
      await sleep(idleMs / 5);
    }
    expect(await stream.finish()).toEqual([]);
  });
});

const path = "/wellvault.v1.MetricService/StreamSamples";

describe("a caller who reads nothing", () => {
  /** Batches whose responses are long, for most of their samples are bad. */
  const sent = 100;
  const lengthy = (number: number): Batch => {
    const { samples = [], ...rest } = batch(number);
    return { ...rest, samples: [...samples, ...Array.from({ length: 60 }, () => sample({ kind: "" }))] };
  };
  const bytes = () =>
    Array.from({ length: sent }, (_, index) =>
      envelope(toBinary(StreamSamplesRequestSchema, create(StreamSamplesRequestSchema, lengthy(index + 1)))),
    );

  /** Sends everything over a connection that takes little at a time. */
  async function sendAll(on: TestService): Promise<{ stream: ClientHttp2Stream; close: () => void }> {
    const session = connectHttp2(on.address, { settings: { initialWindowSize: 1_024 } });
    session.on("error", () => undefined);
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", ...ingest().headers };
    const stream = session.request(headers, { endStream: false });
    stream.on("error", () => undefined);
    stream.end(Buffer.concat(bytes()));
    return { stream, close: () => session.destroy() };
  }

  test("is cut off, and is not worked for in the meantime", async () => {
    const before = await storedCount();
    const { stream, close } = await sendAll(hasty);
    const closed = new Promise((done) => stream.once("close", done));
    await once(stream, "response");
    // Nobody listens for data, so Node gives the server no more room than there was.
    await expectPlace(hasty);
    expect((await storedCount()) - before).toBeLessThan(sent / 4);
    const trailers: unknown[] = [];
    stream.on("trailers", (headers) => trailers.push(headers)).resume();
    await closed;
    expect([trailers, stream.rstCode]).toEqual([[], constants.NGHTTP2_ENHANCE_YOUR_CALM]);
    close();
  });

  test("the control: one who reads has all of it stored", async () => {
    const before = await storedCount();
    const { stream, close } = await sendAll(hasty);
    const response = await responseOf(stream);
    close();
    expect(response.trailers.get("grpc-status")).toBe("0");
    expect((await storedCount()) - before).toBe(sent);
  });
});

describe("places", () => {
  const limit = {
    code: "ResourceExhausted",
    reason: "LIMIT_REACHED",
    metadata: { limit: "sample_streams", maximum: "2" },
  };

  test("of a tenant are a quarter of all, and are given back however a stream ends", async () => {
    const other = await service.provision("globex");
    const theirs = await service.hire(other);
    const ends: ((stream: SampleStream) => unknown)[] = [
      (stream) => stream.finish(),
      (stream) => stream.cancel(),
      (stream) => failureOf(stream.put(batch(1))),
    ];
    const lasting = open(service);
    await lasting.put(batch(1));
    for (const end of ends) {
      const stream = open(service);
      await stream.put(batch(1));
      expect(await failureOf(open(service).put(batch(1)))).toMatchObject(limit);
      await end(stream);
      await expectPlace(service);
    }
    // Nobody else's.
    expect(storedOf(await open(service, ingest(other)).put(batch(1, theirs)))).toMatchObject({ insertedCount: 1 });
  });

  test("are taken by all tenants together, and the next is told to come again", async () => {
    const tenants = await Promise.all(["t-one", "t-two", "t-three", "t-four"].map((id) => service.provision(id)));
    const callers = [...tenants, ...tenants];
    const busy = await Promise.all(
      callers.map(async (tenantId) => {
        const stream = open(service, ingest(tenantId));
        await stream.put(batch(1, crypto.randomUUID()));
        return stream;
      }),
    );
    expect(await failureOf(open(service).put(batch(1)))).toMatchObject({
      code: "ResourceExhausted",
      reason: "OVERLOADED",
    });
    // Between two batches a stream holds nothing of the database, which has two connections for all of this.
    await expectQuiet(service.database);
    await service.clients.employees.listEmployees({}, as("company_admin", tenant));
    await Promise.all(busy.map((stream) => stream.finish()));
    await expectPlace(service);
  });
});

describe("a deadline", () => {
  test("of the stream ends it while it waits, and whoever asked for it is told", async () => {
    const wire = await openWire(service.address);
    const stream = wire.open(path, {
      "content-type": "application/grpc",
      "grpc-timeout": "200m",
      ...ingest().headers,
    });
    const answer = failureOfResponse(await responseOf(stream));
    expect(answer).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
    wire.close();
    await expectPlace(service);
  });

  test("of the stream ends the batch that is under way, in the database too", async () => {
    const held = await holdTable(service.database, tenant);
    const stream = open(service, { ...ingest(), timeoutMs: 400 });
    const failure = stream.put(batch(1)).catch((error: unknown) => error);
    await held.waiting();
    expect(await failure).toMatchObject({ code: 4 });
    await expectQuiet(service.database);
    await held.release();
    await expectPlace(service);
  });

  test("of a batch ends the stream, with nothing of the batch stored", async () => {
    const before = await storedCount();
    const held = await holdTable(service.database, tenant);
    const stream = open(hasty);
    const late = batch(1);
    expect(await failureOf(stream.put(late))).toMatchObject({
      code: "DeadlineExceeded",
      reason: "DEADLINE_EXCEEDED",
    });
    await expectQuiet(service.database);
    await held.release();
    expect(await storedCount()).toBe(before);
    expect(storedOf(await open(hasty).put(late))).toMatchObject({ insertedCount: 1 });
  });
});

test.each([
  ["cancels", (stream: SampleStream) => stream.cancel()],
  ["says that nothing more comes", undefined],
])("a caller who %s in the middle of a batch leaves nothing running", async (_, leave) => {
  const before = await storedCount();
  const held = await holdTable(service.database, tenant);
  const stream = keep(openGrpcJsSampleStream(service.address, ingest()));
  stream.send(batch(1));
  await held.waiting();
  if (leave) {
    const end = stream.next().catch((error: unknown) => error);
    leave(stream);
    expect(await end).toMatchObject({ code: 1 });
    await expectQuiet(service.database);
    await held.release();
    expect(await storedCount()).toBe(before);
  } else {
    const rest = stream.finish();
    await held.release();
    // Whatever was sent before is still stored and acknowledged.
    expect((await rest).map(storedOf)).toMatchObject([{ insertedCount: 1 }]);
  }
  await expectPlace(service);
});

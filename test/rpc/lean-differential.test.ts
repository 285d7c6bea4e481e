import type { OutgoingHttpHeaders } from "node:http2";
import { setImmediate as soon } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { createRegistry, fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { decodeBinaryHeader } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { file_google_rpc_error_details } from "../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { as } from "../support/clients.ts";
import { sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { openWire, responseOf, type Wire } from "../support/wire.ts";
import { type LeanCase, leanCases } from "./lean-cases.ts";

let lean: TestService;
let connect: TestService;
let cases: readonly LeanCase[];
const entry = {
  entryId: "night-1",
  source: "app",
  version: 3n,
  startTime: { seconds: 1_772_438_400n, nanos: 0 },
  utcOffsetMinutes: 60,
  note: "Slept well. ".repeat(200),
  detail: { case: "mood" as const, value: { valence: 0.5 } },
};

beforeAll(async () => {
  lean = await startTestService();
  connect = await startTestService({ leanUnary: false }, lean.database);
  const tenantId = await lean.provision("acme");
  const employeeId = await lean.hire(tenantId, "E-1");
  await lean.hire(tenantId, "E-2");
  await lean.hire(tenantId, "E-3");
  await lean.clients.logs.putLogEntry({ employeeId, entry }, as("employee", tenantId, employeeId));
  const highest = sample({ version: 9_223_372_036_854_775_807n });
  await lean.clients.metrics.putSamples({ employeeId, samples: [highest] }, as("ingest_service", tenantId));
  cases = fc.sample(leanCases({ tenantId, employeeId, entry, sample: highest }), { seed: 20_261_123, numRuns: 3_000 });
});
afterAll(async () => {
  // Nothing of what this file sends is a defect of the service.
  expect([...lean.logLines, ...connect.logLines]).toEqual([]);
  await connect.close();
  await lean.close();
});

/** What a caller can tell of an answer. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  /** The decoded details of an error. */
  readonly details: unknown;
  readonly body: string;
}

const registry = createRegistry(file_google_rpc_error_details);

async function send(wire: Wire, request: LeanCase): Promise<Answer> {
  const stream = wire.session.request(request.headers as OutgoingHttpHeaders, { endStream: false });
  stream.on("error", () => undefined);
  const answer = responseOf(stream).catch((error: Error) => error.message);
  for (const chunk of request.chunks) {
    stream.write(chunk);
    // A frame of its own for each.
    if (request.chunks.length > 1) await soon();
  }
  stream.end();
  const response = await answer;
  if (typeof response === "string") return { status: 0, headers: {}, trailers: {}, details: undefined, body: response };
  const { date: _, ...headers } = Object.fromEntries(response.headers);
  const trailers = Object.fromEntries(response.trailers);
  const bin = "grpc-status-details-bin";
  const details = headers[bin] ?? trailers[bin];
  delete headers[bin];
  delete trailers[bin];
  return {
    status: response.status,
    headers,
    trailers,
    details: details === undefined ? undefined : decode(details),
    body: response.body.toString("latin1"),
  };
}

function decode(details: string): unknown {
  const status = fromBinary(StatusSchema, decodeBinaryHeader(details));
  return { code: status.code, message: status.message, details: status.details.map((any) => anyUnpack(any, registry)) };
}

/** A difference that is meant to be. */
interface Difference {
  readonly reason: string;
  /** Makes of the lean path's answer what Connect answers, or returns it as it is when this is not the one. */
  readonly undo: (lean: Answer, connect: Answer, request: LeanCase) => Answer;
}

/** Whether an answer is an error of the catalogue from its status to its details, and nothing besides. */
function isWholeError({ status, trailers, details, body }: Answer): boolean {
  const { code, details: parts } = (details ?? {}) as { code?: number; details?: { $typeName: string }[] };
  return (
    status === 200 &&
    body === "" &&
    code !== undefined &&
    String(code) === trailers["grpc-status"] &&
    parts?.[0]?.$typeName === "google.rpc.ErrorInfo"
  );
}

/** A difference where the lean path tells of another fault than Connect, though both tell of one. */
function otherFault(reason: string, message: RegExp, isIt: (request: LeanCase) => boolean): Difference {
  return {
    reason,
    undo: (lean, connect, request) =>
      message.test(lean.trailers["grpc-message"] ?? "") && isIt(request) && isWholeError(lean) ? connect : lean,
  };
}

const differences: readonly Difference[] = [
  {
    reason: "an error is one frame of headers, gRPC's trailers-only, which says nothing of compression",
    undo(lean, connect) {
      if (lean.headers["grpc-status"] === undefined || connect.trailers["grpc-status"] === undefined) return lean;
      const { "content-type": type = "", ...trailers } = lean.headers;
      const encoding = connect.headers["grpc-encoding"];
      const headers = { "content-type": type, ...(encoding === undefined ? {} : { "grpc-encoding": encoding }) };
      return { ...lean, headers, trailers: { ...trailers, ...lean.trailers } };
    },
  },
  otherFault(
    "a body that ends right behind an envelope's head is cut off; Connect takes it for the body's end",
    /incomplete envelope/,
    (request) => restOf(request).byteLength === 5,
  ),
  otherFault(
    "the second of two messages is not decoded to be refused",
    /received extra input message/,
    (request) => envelopesOf(request) > 1,
  ),
  {
    reason:
      "what is wrong with a message is told before one behind it is found to be too large; Connect looks at its head first",
    undo: (lean, connect, request) =>
      connect.trailers["grpc-status"] === "8" &&
      envelopesOf(request) > 0 &&
      isTooLarge(restOf(request)) &&
      isWholeError(lean)
        ? connect
        : lean,
  },
  otherFault("a deadline that is over is told before the faults of a body", /deadline passed/, ({ headers }) =>
    /^0/.test(String(headers["grpc-timeout"])),
  ),
];

/** Returns how many whole envelopes a body has, and what is left behind them. */
function split({ chunks }: LeanCase): [count: number, rest: Buffer] {
  let rest = Buffer.concat(chunks);
  for (let count = 0; ; count++) {
    if (rest.byteLength < 5 || rest.byteLength < 5 + rest.readUInt32BE(1)) return [count, rest];
    rest = rest.subarray(5 + rest.readUInt32BE(1));
  }
}
const envelopesOf = (request: LeanCase) => split(request)[0];
const restOf = (request: LeanCase) => split(request)[1];
/** Whether what follows the whole envelopes is the head of one that is too large. */
const isTooLarge = (rest: Buffer) => rest.byteLength >= 5 && rest.readUInt32BE(1) > 4 * 1_024 * 1_024;

/** Compares two answers to a request, and returns the lean path's without the differences that are meant to be. */
function leveled(lean: Answer, connect: Answer, request: LeanCase, seen = new Set<string>()): Answer {
  return differences.reduce((answer, { reason, undo }) => {
    if (isDeepStrictEqual(answer, connect)) return answer;
    const undone = undo(answer, connect, request);
    if (undone !== answer) seen.add(reason);
    return undone;
  }, lean);
}

test("the lean path answers every request as Connect does", { timeout: 60_000 }, async () => {
  const [leanWire, connectWire] = await Promise.all([openWire(lean.address), openWire(connect.address)]);
  const seen = new Set<string>();
  const statuses = new Map<string, number>();
  const found: unknown[] = [];
  const rest = cases.values();
  const compare = async () => {
    for (const request of rest) {
      const [one, other] = await Promise.all([send(leanWire, request), send(connectWire, request)]);
      const status = other.trailers["grpc-status"] ?? other.headers["grpc-status"] ?? `HTTP ${other.status}`;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const same = leveled(one, other, request, seen);
      if (!isDeepStrictEqual(same, other)) found.push({ request, lean: same, connect: other });
    }
  };
  await Promise.all(Array.from({ length: 16 }, compare));
  leanWire.close();
  connectWire.close();
  expect(found.slice(0, 3)).toEqual([]);
  // Every difference that is meant to be was met, and every kind of answer.
  expect([...seen].sort()).toEqual(differences.map(({ reason }) => reason).sort());
  expect([...statuses.keys()]).toEqual(expect.arrayContaining(["0", "3", "4", "5", "6", "7", "8", "12", "16"]));
  expect(statuses.get("0")).toBeGreaterThan(100);
});

test("control: answers that differ in anything that counts are told apart", async () => {
  const wires = await Promise.all([openWire(lean.address), openWire(connect.address)]);
  const headers = { ":method": "POST", "content-type": "application/grpc", "x-role": "auditor" };
  const ask = async (method: string) => {
    const request = { headers: { ...headers, ":path": `/wellvault.v1.${method}` }, chunks: [Buffer.alloc(5)] };
    const [one, other] = await Promise.all(wires.map((wire) => send(wire, request)));
    if (!one || !other) throw new Error("no answer");
    return { request, one, other };
  };
  const good = await ask("MetricService/ListMetricKinds");
  const bad = await ask("TenantService/ProvisionTenant");
  for (const { request, one, other } of [good, bad]) {
    expect(leveled(one, other, request)).toEqual(other);
    const changes: Partial<Answer>[] = [
      { status: 500 },
      { headers: { ...one.headers, "content-type": "application/grpc" } },
      { trailers: { ...one.trailers, "x-more": "1" } },
      { details: { code: 7, message: "", details: [] } },
      { body: `${one.body}\0` },
    ];
    for (const change of changes) expect(leveled({ ...one, ...change }, other, request)).not.toEqual(other);
  }
  expect(leveled(good.one, bad.other, good.request)).not.toEqual(bad.other);
  expect(leveled(bad.one, good.other, bad.request)).not.toEqual(good.other);
  for (const wire of wires) wire.close();
});

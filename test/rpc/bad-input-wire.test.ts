import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CreateEmployeeRequestSchema } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import {
  envelope,
  failureOfResponse,
  openSocket,
  openWire,
  received,
  responseOf,
  type Wire,
  type WireResponse,
} from "../support/wire.ts";

let service: TestService;
let wire: Wire;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
  wire = await openWire(service.address);
});
afterAll(async () => {
  wire.close();
  // Nothing of what this file sends is a defect of the service, and nothing of it is stored.
  expect(service.logLines).toEqual([]);
  await service.close();
});

const path = "/wellvault.v1.EmployeeService/CreateEmployee";
const { headers: admin } = as("company_admin", "acme");
const malformed = { code: "InvalidArgument", reason: "REQUEST_MALFORMED" };
const tooLarge = { code: "ResourceExhausted", reason: "MESSAGE_TOO_LARGE" };
const limit = 4 * 1_024 * 1_024;

async function send(body: Uint8Array | undefined, headers: Record<string, string> = {}): Promise<WireResponse> {
  return await wire.send(path, { "content-type": "application/grpc", ...admin, ...headers }, body);
}

async function sendJson(body: string, headers: Record<string, string> = {}): Promise<WireResponse> {
  return await send(Buffer.from(body), { "content-type": "application/json", ...headers });
}

/** A request whose message has exactly `size` bytes; the rules refuse it once it was decoded. */
function messageOf(size: number): Uint8Array {
  const empty = toBinary(
    CreateEmployeeRequestSchema,
    create(CreateEmployeeRequestSchema, { requestId: "" }),
  ).byteLength;
  // A tag of one byte and a length of four stand before a text of this size.
  const request = create(CreateEmployeeRequestSchema, { requestId: "r".repeat(size - empty - 5) });
  const bytes = toBinary(CreateEmployeeRequestSchema, request);
  expect(bytes.byteLength).toBe(size);
  return bytes;
}

const employee = (field: number, bytes: number[]) =>
  Buffer.from([10, bytes.length + 2, field * 8 + 2, bytes.length, ...bytes]);

test.each<[string, Uint8Array]>([
  ["random bytes", Buffer.from("ff00ff00ff", "hex")],
  ["a field that is cut off", Buffer.of(10, 200)],
  ["a tag of field 0", Buffer.of(2, 0)],
  ["an unknown wire type", Buffer.of(15)],
  ["a group that ends before it began", Buffer.of(12)],
  ["a varint that never ends", Buffer.alloc(20, 0xff)],
  ["a length beyond four gigabytes", Buffer.from("0affffffffff7f", "hex")],
  ["a text that is no UTF-8", employee(3, [0xc3, 0x28])],
  ["half a surrogate pair in UTF-8", employee(3, [0xed, 0xa0, 0xbd])],
  ["an overlong slash in UTF-8", employee(3, [0xc0, 0xaf])],
  ["a text that ends within a letter", employee(3, [0xf0, 0x9f, 0x8c])],
])("Protobuf with %s is refused", async (_, bytes) => {
  expect(failureOfResponse(await send(envelope(bytes)))).toMatchObject(malformed);
  const connect = await send(bytes, { "content-type": "application/proto" });
  expect(failureOfResponse(connect)).toMatchObject(malformed);
  expect(connect.status).toBe(400);
});

test("messages nested ever deeper are refused", async () => {
  let bytes = Buffer.alloc(0);
  // An unknown group within an unknown group, thousands of times.
  bytes = Buffer.concat([Buffer.alloc(20_000, 0x7b), bytes, Buffer.alloc(20_000, 0x7c)]);
  expect(failureOfResponse(await send(envelope(bytes)))).toMatchObject({ code: "InvalidArgument" });
});

test.each([
  ["nothing", ""],
  ["half an object", '{"employee": {'],
  ["an array", "[]"],
  ["a number", "7"],
  ["null", "null"],
  ["a text where a message stands", '{"employee": "Ada"}'],
  ["a number where a text stands", '{"employee": {"externalId": 7}}'],
  ["an array where a text stands", '{"employee": {"externalId": ["E-1"]}}'],
  ["a time that is none", '{"employee": {"createTime": "yesterday"}}'],
  ["two values", "{} {}"],
  ["a trailing comma", '{"requestId": "",}'],
  ["bytes that are no UTF-8", "\u00ff\u00fe"],
])("JSON that is %s is refused", async (_, json) => {
  const response = await send(Buffer.from(json, "latin1"), { "content-type": "application/json" });
  expect(failureOfResponse(response).code).toBe("InvalidArgument");
  // What the caller sent is not repeated in what it is told.
  expect(response.body.toString()).not.toContain("yesterday");
});

test("objects nested ever deeper in JSON are refused", async () => {
  const depth = 100_000;
  const json = `{"unknown": ${"[".repeat(depth)}${"]".repeat(depth)}}`;
  expect(failureOfResponse(await sendJson(json)).code).toBe("InvalidArgument");
});

test("a field that JSON names and this version does not know is ignored, as in Protobuf", async () => {
  const response = await sendJson('{"employee": {"externalId": "J-1", "shoeSize": 43}, "dryRun": true}');
  expect(response.status).toBe(200);
  const unknown = Buffer.concat([employee(2, [...Buffer.from("J-2")]), Buffer.from([0xfa, 0x7f, 1, 65])]);
  expect((await send(envelope(unknown))).trailers.get("grpc-status")).toBe("0");
});

test("a member of the JSON's prototype is no field", async () => {
  const response = await sendJson('{"__proto__": {"employee": {"externalId": "J-3"}}, "constructor": 1}');
  expect(failureOfResponse(response).fields).toEqual(["employee"]);
});

test.each<[string, string, number]>([
  ["text/plain", "POST", 415],
  ["application/x-www-form-urlencoded", "POST", 415],
  ["application/grpc+thrift", "POST", 415],
  ["", "POST", 415],
  ["application/json", "PUT", 405],
  ["application/grpc", "GET", 405],
  ["application/json", "GET", 405],
])("a call as '%s' by %s is refused with status %i and an error", async (type, method, status) => {
  const stream = wire.session.request({
    ":method": method,
    ":path": path,
    ...admin,
    ...(type ? { "content-type": type } : {}),
  });
  const answer = responseOf(stream);
  stream.end();
  const response = await answer;
  if (type === "application/grpc") expect(failureOfResponse(response)).toMatchObject(malformed);
  else {
    expect(response.status).toBe(status);
    expect(failureOfResponse(response)).toMatchObject(malformed);
  }
});

test.each([
  "/wellvault.v1.EmployeeService/FireEmployee",
  "/wellvault.v1.PayrollService/Pay",
  "/wellvault.v1.EmployeeService",
  "/",
  "/../../etc/passwd",
  `${path}/`,
  `/${path}`,
  path.toLowerCase(),
])("there is no method %s", async (unknown) => {
  for (const type of ["application/grpc", "application/grpc-web+proto", "application/json", "application/proto"]) {
    const response = await wire.send(unknown, { ...admin, "content-type": type }, envelope(new Uint8Array()));
    expect(failureOfResponse(response)).toMatchObject({ code: "Unimplemented", reason: "METHOD_UNKNOWN" });
  }
});

test("a message may have 4 MiB and not a byte more", async () => {
  const rules = { code: "InvalidArgument", reason: "FIELD_INVALID" };
  expect(failureOfResponse(await send(envelope(messageOf(limit))))).toMatchObject(rules);
  expect(failureOfResponse(await send(envelope(messageOf(limit + 1))))).toMatchObject(tooLarge);
  const proto = { "content-type": "application/proto" };
  expect(failureOfResponse(await send(messageOf(limit), proto))).toMatchObject(rules);
  expect(failureOfResponse(await send(messageOf(limit + 1), proto))).toMatchObject(tooLarge);
});

test.each([true, false])("whoever needs no identity sends 64 KiB at most (lean: %s)", async (isLean) => {
  const other = isLean ? service : await startTestService({ leanUnary: false }, service.database);
  const own = await openWire(other.address);
  const most = 64 * 1_024;
  const paths = ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"];
  for (const open of paths) {
    const ask = (size: number) => {
      // A name of this size: its tag is a byte and its length three, or four where they are zero.
      const name = Buffer.alloc(size - 4, "n");
      const head = Buffer.of(
        10,
        (name.byteLength & 0x7f) | 0x80,
        ((name.byteLength >> 7) & 0x7f) | 0x80,
        name.byteLength >> 14,
      );
      return own.send(open, { "content-type": "application/grpc" }, envelope(Buffer.concat([head, name])));
    };
    const taken = await ask(most);
    expect(taken.trailers.get("grpc-status") ?? taken.headers.get("grpc-status")).toMatch(/^[05]$/);
    expect(failureOfResponse(await ask(most + 1))).toMatchObject(tooLarge);
  }
  own.close();
  if (!isLean) await other.close();
});

test.each([
  "application/grpc",
  "application/grpc-web",
  "application/proto",
  "application/json",
  "application/grpc+json",
])("a request of %s that holds a crowd of messages is refused before it is decoded, also compressed", async (type) => {
  const isJson = type.endsWith("json");
  const crowd = isJson
    ? Buffer.from(`{"samples":[${"{},".repeat(200_000)}{}]}`)
    : Buffer.alloc(800_000, Buffer.of(2 * 8 + 2, 0));
  const metrics = "/wellvault.v1.MetricService/PutSamples";
  const { headers: ingest } = as("ingest_service", "acme");
  const isEnveloped = type.startsWith("application/grpc");
  const told = isJson ? { reason: "REQUEST_MALFORMED" } : { reason: "FIELD_INVALID", fields: ["samples"] };
  const plain = isEnveloped ? envelope(crowd) : crowd;
  const packed = isEnveloped ? envelope({ data: gzipSync(crowd), flags: 1 }) : gzipSync(crowd);
  const encoding = { [isEnveloped ? "grpc-encoding" : "content-encoding"]: "gzip" };
  for (const [body, headers] of [
    [plain, {}],
    [packed, encoding],
  ] as const) {
    const response = await wire.send(metrics, { "content-type": type, ...ingest, ...headers }, body);
    // gRPC-Web has its trailers in the body.
    if (type.includes("web"))
      expect(response.body.toString("latin1")).toMatch(/must hold fewer items[\s\S]*grpc-status: 3/);
    else expect(failureOfResponse(response)).toMatchObject({ code: "InvalidArgument", ...told });
  }
});

test("a caller whose message is too large is let go, though nobody reads the rest of it", async () => {
  const stream = wire.open(path, { "content-type": "application/grpc", ...admin });
  const closed = new Promise((done) => stream.once("close", done));
  const answer = responseOf(stream);
  stream.write(envelope(messageOf(limit + 1)));
  expect(failureOfResponse(await answer)).toMatchObject(tooLarge);
  await closed;
  expect(stream.rstCode).toBe(0);
});

test("an envelope that promises more than 4 MiB is refused before it is sent", async () => {
  const stream = wire.open(path, { "content-type": "application/grpc", ...admin });
  stream.write(Buffer.of(0, 0xff, 0xff, 0xff, 0xff));
  expect(failureOfResponse(await responseOf(stream))).toMatchObject(tooLarge);
  stream.destroy();
});

test.each(["gzip", "br"])(
  "a small %s message that grows beyond the limit is refused, and does not grow",
  async (name) => {
    const huge = Buffer.alloc(128 * 1_024 * 1_024);
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } };
    const data = name === "gzip" ? gzipSync(huge, { level: 1 }) : brotliCompressSync(huge, quality);
    const before = process.memoryUsage().rss;
    const calls = [1, 2, 3, 4].map(async () => {
      const response = await send(envelope({ data, flags: 1 }), { "grpc-encoding": name });
      expect(failureOfResponse(response)).toMatchObject(tooLarge);
    });
    await Promise.all(calls);
    // The service runs in this process: 512 MiB would have to be somewhere.
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1_024 * 1_024);
    const asConnect = { "content-type": "application/proto", "content-encoding": name };
    expect(failureOfResponse(await send(data, asConnect))).toMatchObject(tooLarge);
  },
);

test("an unknown compression is refused, and the known ones are named", async () => {
  const body = envelope({ data: gzipSync("x"), flags: 1 });
  const response = await send(body, { "grpc-encoding": "zstd" });
  const failure = failureOfResponse(response);
  expect(failure).toMatchObject({ code: "Unimplemented", reason: "REQUEST_MALFORMED" });
  expect(failure.message).toMatch(/gzip.*br/);
  const connect = await sendJson("{}", { "content-encoding": "zstd" });
  expect(failureOfResponse(connect)).toMatchObject({ code: "Unimplemented", reason: "REQUEST_MALFORMED" });
});

test.each<[string, Uint8Array, Record<string, string>]>([
  ["a compressed message without naming the compression", envelope({ data: gzipSync("x"), flags: 1 }), {}],
  ["data that is not gzip", envelope({ data: Buffer.from("no gzip"), flags: 1 }), { "grpc-encoding": "gzip" }],
  [
    "gzip that is cut off",
    envelope({ data: gzipSync("x".repeat(99)).subarray(0, 20), flags: 1 }),
    { "grpc-encoding": "gzip" },
  ],
  ["half an envelope", Buffer.of(0, 0, 0), {}],
  ["half of its data", Buffer.of(0, 0, 0, 0, 9, 10, 7), {}],
])("gRPC with %s is refused", async (_, body, headers) => {
  expect(failureOfResponse(await send(body, headers))).toMatchObject(malformed);
});

test.each<[string, Uint8Array | undefined]>([
  ["no message", undefined],
  ["an envelope without its data", Buffer.of(0, 0, 0, 0, 9)],
  ["two messages", envelope(new Uint8Array(), new Uint8Array())],
  ["a thousand messages", envelope(...Array.from({ length: 1_000 }, () => new Uint8Array()))],
])("a unary call with %s is refused", async (_, body) => {
  const failure = failureOfResponse(await send(body));
  expect(failure.reason).toBe("REQUEST_MALFORMED");
  expect(["InvalidArgument", "Unimplemented"]).toContain(failure.code);
});

test("an envelope with flags that nobody defined is no defect of the service", async () => {
  const body = envelope({ data: employee(2, [...Buffer.from("F-1")]), flags: 0b1111_1110 });
  const response = await send(body);
  const status = response.trailers.get("grpc-status") ?? response.headers.get("grpc-status");
  // Ignored or refused, as long as it is the caller who is told.
  expect(["0", "3", "12"]).toContain(status);
});

test("metadata beyond 16 KiB is refused by HTTP/1.1, and does no harm by HTTP/2", async () => {
  const socket = await openSocket(service.address);
  const answer = received(socket);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: test\r\nx-big: ${"b".repeat(20_000)}\r\n\r\n`);
  expect(await answer).toMatch(/^HTTP\/1\.1 4/);
  const big = await openWire(service.address);
  const stream = big.open(path, { ...admin, "content-type": "application/grpc", "x-big": "b".repeat(60_000) });
  await new Promise((done) => stream.once("response", done).once("close", done).end());
  big.close();
  await service.clients.employees.listEmployees({}, as("company_admin", "acme"));
});

test("control: what is well-formed is taken, and a rule it breaks is named", async () => {
  const request = create(CreateEmployeeRequestSchema, { employee: { externalId: "W-1" } });
  const data = gzipSync(toBinary(CreateEmployeeRequestSchema, request));
  const response = await send(envelope({ data, flags: 1 }), { "grpc-encoding": "gzip" });
  expect(response.trailers.get("grpc-status")).toBe("0");
  const clients = service.clients.employees;
  const failure = await failureOf(
    clients.createEmployee({ employee: { externalId: "" } }, as("company_admin", "acme")),
  );
  expect(failure.fields).toEqual(["employee.external_id"]);
});

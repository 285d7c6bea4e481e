import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GetTenantRequestSchema } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { as } from "../support/clients.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { envelope, openSocket, openWire, received, responseOf } from "../support/wire.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
});
afterAll(() => service.close());

const kindsPath = "/wellvault.v1.MetricService/ListMetricKinds";

/** An HTTP/1.1 request that lists the kinds by the Connect protocol. */
function http1Request(method: string, ...headers: string[]): string {
  const head = ["Host: test", "Content-Type: application/json", "Content-Length: 2", "x-role: auditor", ...headers];
  return `${method} ${kindsPath} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n{}`;
}

/** Whether somebody else is still served. */
async function expectServed(): Promise<void> {
  const { kinds } = await service.clients.metrics.listMetricKinds({}, as("auditor"));
  expect(kinds.length).toBeGreaterThan(0);
}

test.each(["POST", "PUT", "PRI"])("a %s request by HTTP/1.1 may arrive byte by byte", async (method) => {
  const socket = await openSocket(service.address);
  const answer = received(socket);
  // PRI is no method of HTTP/1.1, but a parser has to see more than three letters to know.
  const text = method === "PRI" ? "PRI/ HTTP/1.1\r\n\r\n" : http1Request(method, "Connection: close");
  for (const byte of Buffer.from(text)) {
    if (!socket.writable) break;
    socket.write(Buffer.of(byte));
    await new Promise((done) => setImmediate(done));
  }
  const expected = { POST: "HTTP/1.1 200 OK", PUT: "HTTP/1.1 405 Method Not Allowed", PRI: "HTTP/1.1 400 Bad Request" };
  expect(await answer).toContain(expected[method as keyof typeof expected]);
});

test("the preface of HTTP/2 may arrive byte by byte", async () => {
  const socket = await openSocket(service.address);
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const first = new Promise<Buffer>((done) => socket.once("data", done));
  for (const byte of Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings])) {
    socket.write(Buffer.of(byte));
    await new Promise((done) => setImmediate(done));
  }
  // The server's first frame is SETTINGS, type 4 on stream 0.
  expect((await first).readUInt8(3)).toBe(4);
  socket.destroy();
});

test("an HTTP/2 connection ends when its client has stopped sending", async () => {
  const socket = await openSocket(service.address);
  socket.end("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.resume();
  await new Promise((done) => socket.once("close", done));
});

test("requests sent one after another without waiting are answered in order", async () => {
  const socket = await openSocket(service.address);
  const answer = received(socket);
  socket.write(http1Request("POST") + http1Request("PUT") + http1Request("POST", "Connection: close"));
  expect([...(await answer).matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["200", "405", "200"]);
});

test.each([
  ["nothing", ""],
  ["half a preface", "PR"],
  ["half a request", "POST / HTTP/1.1\r\nHost"],
  ["garbage", "\u0000\u0001\u0002 nothing that anyone speaks\r\n\r\n"],
  ["a preface and then garbage", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage garbage garbage garbage"],
  ["a preface that turns out none", "PRI * HTTP/1.1\r\nHost: test\r\n\r\n"],
])("a connection that sends %s does no harm, whether it stays or is reset", async (_, bytes) => {
  const [staying, reset] = await Promise.all([openSocket(service.address), openSocket(service.address)]);
  staying.write(bytes);
  reset.write(bytes);
  await expectServed();
  reset.resetAndDestroy();
  await expectServed();
  staying.destroy();
});

test.each(["Host: a b", "Host: [", "Host: "])("a request with the authority '%s' is answered", async (host) => {
  const socket = await openSocket(service.address);
  const answer = received(socket);
  socket.end(http1Request("POST", "Connection: close").replace("Host: test", host));
  expect(await answer).toContain("HTTP/1.1 400");
});

test("an HTTP/2 request with an unreadable authority is answered", async () => {
  const wire = await openWire(service.address);
  const headers = { "content-type": "application/grpc", "x-role": "auditor" };
  const stream = wire.session.request({ ":method": "POST", ":path": kindsPath, ":authority": "[", ...headers });
  stream.end(envelope(new Uint8Array()));
  expect((await responseOf(stream)).headers.get("grpc-status")).toBe("3");
  wire.close();
});

test("a connection reset in the middle of a call ends that call alone", async () => {
  const wire = await openWire(service.address);
  const headers = { "content-type": "application/grpc", "x-role": "platform_operator" };
  const stream = wire.open("/wellvault.v1.TenantService/ProvisionTenant", headers);
  stream.write(Buffer.of(0, 0, 0, 1, 0, 1));
  await new Promise<void>((done) => wire.session.ping(() => done()));
  wire.session.socket.resetAndDestroy();
  await expectServed();
});

test("300 calls at once on one connection are all answered", async () => {
  const { tenants } = service.clients;
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => tenants.getTenant({ tenantId: "acme" }, as("auditor"))),
  );
  expect(new Set(answers.map((answer) => answer.tenant?.tenantId))).toEqual(new Set(["acme"]));
});

test("a client that reads no response blocks no other", async () => {
  const wire = await openWire(service.address);
  await new Promise((done) => wire.session.once("remoteSettings", done));
  // With a window of nothing the server cannot send a single byte of a body.
  await new Promise<void>((done) => wire.session.settings({ initialWindowSize: 0 }, () => done()));
  const body = envelope(
    toBinary(GetTenantRequestSchema, { $typeName: "wellvault.v1.GetTenantRequest", tenantId: "acme" }),
  );
  const streams = Array.from({ length: 50 }, () => {
    const stream = wire.open("/wellvault.v1.TenantService/GetTenant", {
      "content-type": "application/grpc",
      "x-role": "auditor",
    });
    stream.end(body);
    return stream;
  });
  await Promise.all(streams.map((stream) => new Promise((done) => stream.once("response", done))));
  await expectServed();
  await Promise.all(
    Array.from({ length: 20 }, () => service.clients.tenants.getTenant({ tenantId: "acme" }, as("auditor"))),
  );
  wire.close();
});

test("beyond the connections that may be open the next is closed, and served once there is room", async () => {
  const small = await startTestService({ maxConnections: 2 }, service.database);
  const isServed = async () => {
    const wire = await openWire(small.address);
    const answer = await wire
      .send(kindsPath, { "content-type": "application/grpc", "x-role": "auditor" }, envelope(new Uint8Array()))
      .then(({ status }) => status === 200)
      .catch(() => false);
    return { answer, wire };
  };
  const first = await isServed();
  const second = await isServed();
  expect([first.answer, second.answer]).toEqual([true, true]);
  const refused = [await isServed(), await isServed()];
  expect(refused.map(({ answer }) => answer)).toEqual([false, false]);
  // However many there are, it is told once.
  expect(small.logLines.filter((line) => line.includes("as many as may be"))).toHaveLength(1);
  first.wire.close();
  await expect
    .poll(async () => {
      const { answer, wire } = await isServed();
      wire.close();
      return answer;
    })
    .toBe(true);
  for (const { wire } of [second, ...refused]) wire.close();
  await small.close();
});

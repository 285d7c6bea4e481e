import { get } from "node:http";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { readConfig } from "../../src/config.ts";
import { HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { startService } from "../../src/service.ts";
import { as, type Clients, openClients } from "../support/clients.ts";
import { createMigratedDatabase, type TestDatabase } from "../support/database.ts";
import { failureOf } from "../support/errors.ts";
import { expectQuiet, holdTable } from "../support/locks.ts";
import { openGrpcJsSampleStream, openSampleStream, storedOf } from "../support/sample-streams.ts";
import { monday, sample } from "../support/samples.ts";
import { envelope, openSocket, openWire, received, responseOf } from "../support/wire.ts";

let database: TestDatabase;
let closeAll: (() => void)[] = [];
afterEach(async () => {
  for (const close of closeAll) close();
  closeAll = [];
  await database.drop();
});

const admin = as("company_admin", "acme");
const path = "/wellvault.v1.EmployeeService/ListEmployees";
const grpcHeaders = { "content-type": "application/grpc", ...admin.headers };

/** Starts a service that the test itself stops, with one tenant that has been used. */
async function start(drainTimeoutMs: number): Promise<{ address: string; stop(): Promise<boolean>; clients: Clients }> {
  database = await createMigratedDatabase();
  const config = { ...readConfig({ WELLVAULT_PORT: "0" }), drainTimeoutMs };
  const service = await startService({
    config,
    identity: { mode: "development", forced: false },
    databaseUrl: database.url,
    log: pino({ level: "silent" }),
  });
  const clients = openClients(service.address);
  closeAll.push(() => clients.close());
  await clients.tenants.provisionTenant({ tenantId: "acme", displayName: "Acme" }, as("platform_operator"));
  await clients.employees.listEmployees({}, admin);
  return { address: service.address, stop: () => service.stop(), clients };
}

function open<T extends { close(): void }>(client: T): T {
  closeAll.push(() => client.close());
  return client;
}

test("while it drains a running call finishes, new ones are refused, watchers hear of it", async () => {
  const service = await start(10_000);
  const http1 = open(openClients(service.address, "connect-http1"));
  const wire = open(await openWire(service.address));
  const held = await holdTable(database, "acme");
  const running = [service.clients.employees.listEmployees({}, admin), http1.employees.listEmployees({}, admin)];
  await held.waiting(2);

  const heard: Status[] = [];
  const first = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const { status } of service.clients.health.watch({ service: "" })) {
      heard.push(status);
      first.resolve();
    }
  })();
  const watchEnd = failureOf(watching);
  await first.promise;
  const idle = await openSocket(service.address);
  idle.write("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  const idleAnswer = received(idle);
  await new Promise((done) => idle.once("data", done));
  // A stream that the server has seen, whose call begins only once it drains.
  const early = wire.open(path, grpcHeaders);
  const earlyAnswer = responseOf(early);
  await new Promise<void>((done) => wire.session.ping(() => done()));

  const stopping = service.stop();
  await new Promise<void>((done) => wire.session.once("goaway", () => done()));
  expect(await watchEnd).toMatchObject({ code: "Unavailable", reason: "SERVER_DRAINING" });
  expect(heard).toEqual([Status.SERVING, Status.NOT_SERVING]);
  // Its connection was idle, so it is closed rather than kept alive.
  expect(await idleAnswer).toContain("404");

  // The open connection takes no new call, and there is no new connection.
  const late = open(openClients(service.address));
  const refused = [service.clients, late, http1].map(async (clients) => {
    const error = await clients.employees.listEmployees({}, admin).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 14 });
  });
  await Promise.all(refused);

  await held.release();
  for (const call of running) expect((await call).employees).toEqual([]);
  early.end(envelope(new Uint8Array()));
  expect((await earlyAnswer).trailers.get("grpc-status")).toBe("0");
  expect(await stopping).toBe(true);
});

test("a call that never ends holds the stop no longer than it may, and its statement is cancelled", async () => {
  const service = await start(200);
  const held = await holdTable(database, "acme");
  const call = failureOf(service.clients.employees.listEmployees({}, admin));
  await held.waiting();
  expect(await service.stop()).toBe(false);
  await expectQuiet(database);
  await held.release();
  expect(await call).toMatchObject({ code: "Unavailable", reason: "SERVER_DRAINING" });
});

test("a stream of samples has the batch that is under way stored and acknowledged, and then ends", async () => {
  const service = await start(10_000);
  const { employee } = await service.clients.employees.createEmployee({ employee: { externalId: "E-1" } }, admin);
  const employeeId = employee?.employeeId ?? "";
  const ingest = as("ingest_service", "acme");
  const batch = (number: number) => ({
    batchNumber: BigInt(number),
    employeeId,
    samples: [sample({ startTime: fromMicros(monday + BigInt(number)) })],
  });
  const [idle, busy] = [openSampleStream(service.clients, ingest), openGrpcJsSampleStream(service.address, ingest)];
  expect(storedOf(await idle.put(batch(1))).insertedCount).toBe(1);
  expect(storedOf(await busy.put(batch(2))).insertedCount).toBe(1);
  const held = await holdTable(database, "acme");
  const underWay = busy.put(batch(3));
  busy.send(batch(4));
  await held.waiting();

  const stopping = service.stop();
  // One that waits for its caller ends at once.
  expect(await failureOf(idle.next())).toMatchObject({ code: "Unavailable", reason: "SERVER_DRAINING" });
  await held.release();
  expect(storedOf(await underWay).insertedCount).toBe(1);
  expect(await failureOf(busy.next())).toMatchObject({ code: "Unavailable", reason: "SERVER_DRAINING" });
  expect(await stopping).toBe(true);
  const { rows } = await database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = 'acme'",
  );
  const stored = await database.admin.query(`select from ${rows[0]?.vault}.samples`);
  expect(stored.rowCount).toBe(3);
});

test("a caller that never finishes sending holds the stop no longer than it may", async () => {
  const service = await start(200);
  const wire = open(await openWire(service.address));
  wire.open(path, grpcHeaders).write(Buffer.of(0));
  await new Promise<void>((done) => wire.session.ping(() => done()));
  expect(await service.stop()).toBe(false);
});

test("connections that do nothing, or whose clients are gone, hold nothing up", async () => {
  const service = await start(5_000);
  await openSocket(service.address);
  const half = await openSocket(service.address);
  half.write("POST / HTTP/1.1\r\nHost");
  open(await openWire(service.address));
  const head = `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n`;
  const request = `${head}x-role: company_admin\r\nx-tenant-id: acme\r\n\r\n{}`;
  const held = await holdTable(database, "acme");
  const pipelining = await openSocket(service.address);
  // The second request waits for the answer of the first, and the client leaves both.
  pipelining.write(request + request);
  await held.waiting();
  pipelining.resetAndDestroy();
  await held.release();
  await new Promise((done) => get(`${service.address}/`, (response) => response.resume().once("end", done)));
  expect(await service.stop()).toBe(true);
});

import { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { type Caller, openCaller } from "../support/callers.ts";
import { as, protocols } from "../support/clients.ts";
import { openGrpcJsCaller } from "../support/grpc-js.ts";
import { expectQuiet, type HeldTable, holdTable } from "../support/locks.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { envelope, failureOfResponse, openWire, responseOf, type Wire } from "../support/wire.ts";

let service: TestService;
let wire: Wire;
let held: HeldTable;
const admin = as("company_admin", "acme");
beforeAll(async () => {
  service = await startTestService({ poolSize: 2, defaultTimeoutMs: 250, maxTimeoutMs: 800 });
  // On a busy machine the default deadline is short for it; to ask again is safe.
  for (let attempt = 1; attempt <= 10; attempt++) {
    const done = await service.provision("acme").then(
      () => true,
      () => false,
    );
    if (done) break;
  }
  await works();
  wire = await openWire(service.address);
});
beforeEach(async () => {
  held = await holdTable(service.database, "acme");
});
// Whatever a test did to a call, nothing of it may be left in the database.
afterEach(async () => {
  await expectQuiet(service.database);
  await held.release();
  await works();
});
afterAll(async () => {
  wire.close();
  await service.close();
});

/** Waits until that many calls at once are answered, however busy the machine is. */
async function works(count = 1): Promise<void> {
  const call = () => service.clients.employees.listEmployees({}, { ...admin, timeoutMs: 800 });
  await vi.waitFor(async () => await Promise.all(Array.from({ length: count }, call)), { timeout: 10_000 });
}

const exceeded = { code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" };
const path = "/wellvault.v1.EmployeeService/ListEmployees";
const grpcHeaders = { "content-type": "application/grpc", ...admin.headers };
const empty = envelope(new Uint8Array());

const callers: [name: string, open: (address: string) => Caller][] = [
  ["grpc-js", (address) => openGrpcJsCaller(address)],
  ...protocols.map((protocol): (typeof callers)[number] => [protocol, (address) => openCaller(address, protocol)]),
];

test.each(callers)("a statement that blocks ends with the deadline of a %s call", async (_, open) => {
  const caller = open(service.address);
  const call = caller.call(EmployeeService.method.listEmployees, {}, { ...admin, timeoutMs: 300 });
  await held.waiting();
  // The client's own clock may be first, and then says it in its own words.
  await expect(call).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  caller.close();
});

test("a call that names no deadline has the default one", async () => {
  const failure = failureOfResponse(await wire.send(path, grpcHeaders, empty));
  expect(failure).toMatchObject(exceeded);
});

test("deadlines beyond the longest are shortened to it, not refused", async () => {
  const calls = ["99999999H", "99999999M", "60S", "00001000m"].map(async (text) => {
    const response = await wire.send(path, { ...grpcHeaders, "grpc-timeout": text }, empty);
    expect(failureOfResponse(response), text).toMatchObject(exceeded);
  });
  await Promise.all(calls);
});

test.each(["99999999999999", "3600000"])("the deadline of %s ms is shortened in Connect too", async (text) => {
  const headers = { ...admin.headers, "content-type": "application/json", "connect-timeout-ms": text };
  const failure = failureOfResponse(await wire.send(path, headers, Buffer.from("{}")));
  // The protocol allows ten digits.
  expect(failure).toMatchObject(text.length > 10 ? { code: "InvalidArgument" } : exceeded);
});

test.each(["1n", "1u", "1000u", "1m", "0S", "0m", "00000001m"])(
  "the deadline %s is over before it began",
  async (text) => {
    const failure = failureOfResponse(await wire.send(path, { ...grpcHeaders, "grpc-timeout": text }, empty));
    expect(failure).toMatchObject(exceeded);
  },
);

test.each(["1H", "1M", "1S", "700m", "700000u"])("the deadline %s is long enough", async (text) => {
  await held.release();
  const response = await wire.send(path, { ...grpcHeaders, "grpc-timeout": text }, empty);
  expect(response.trailers.get("grpc-status")).toBe("0");
});

test.each(["", "1", "m", "1s", "-1m", "1.5m", "123456789m", "1m, 1m", "one"])("'%s' is no deadline", async (text) => {
  const failure = failureOfResponse(await wire.send(path, { ...grpcHeaders, "grpc-timeout": text }, empty));
  expect(failure).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_MALFORMED" });
});

test.each(callers)("a %s client that cancels ends its statement", async (_, open) => {
  const caller = open(service.address);
  const controller = new AbortController();
  const options = { ...admin, signal: controller.signal, timeoutMs: 60_000 };
  const call = caller.call(EmployeeService.method.listEmployees, {}, options);
  const outcome = expect(call).rejects.toMatchObject({ code: Code.Canceled });
  await held.waiting();
  controller.abort();
  await outcome;
  await expectQuiet(service.database);
  caller.close();
});

test("a client that vanishes ends its statement", async () => {
  const lost = await openWire(service.address);
  lost.open(path, grpcHeaders).end(empty);
  await held.waiting();
  lost.session.socket.resetAndDestroy();
});

test.each(["nothing", "half an envelope", "half a message"])("a caller that sends %s is ended", async (what) => {
  const stream = wire.open(path, grpcHeaders);
  const closed = new Promise((done) => stream.once("close", done));
  if (what === "half an envelope") stream.write(Buffer.of(0, 0, 0));
  if (what === "half a message") stream.write(Buffer.of(0, 0, 0, 0, 10, 8, 1));
  expect(failureOfResponse(await responseOf(stream))).toMatchObject(exceeded);
  await closed;
});

test("after many calls that ended so the pool is as good as new", async () => {
  const { employees } = service.clients;
  const calls = Array.from({ length: 60 }, async (_, index) => {
    const controller = new AbortController();
    const call = employees.listEmployees({}, { ...admin, timeoutMs: 40 + index, signal: controller.signal });
    if (index % 3 === 0) setTimeout(() => controller.abort(), 30 + index);
    return await call.then(
      () => "answered",
      () => "failed",
    );
  });
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["failed"]));
  await expectQuiet(service.database);
  await held.release();
  await works(20);
});

test("a gate that waits for the control plane ends with the deadline", async () => {
  const { admin: database } = service.database;
  await database.query("begin");
  await database.query("lock table control.companies in access exclusive mode");
  const call = service.clients.employees.listEmployees({}, { ...as("company_admin", "new-here"), timeoutMs: 400 });
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  await database.query("rollback");
  expect(failure).toMatchObject({ code: Code.DeadlineExceeded });
});

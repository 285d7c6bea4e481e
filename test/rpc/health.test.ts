import { createContextValues, createHandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { createHealthState, type HealthState } from "../../src/rpc/health.ts";
import { type Clients, openClients, protocols } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { openWire } from "../support/wire.ts";

const services = [
  "wellvault.v1.TenantService",
  "wellvault.v1.VerificationService",
  "wellvault.v1.EmployeeService",
  "wellvault.v1.EmployeeLogService",
  "wellvault.v1.MetricService",
  "wellvault.v1.PrivacyService",
];

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

/** Watches a service as the server runs it, without a server. */
function watchOf(health: HealthState, name: string) {
  const controller = new AbortController();
  const context = createHandlerContext({
    service: Health,
    method: Health.method.watch,
    protocolName: "grpc",
    requestMethod: "POST",
    url: "http://test/",
    requestSignal: controller.signal,
    contextValues: createContextValues(),
  });
  const answers = health.service.watch({ $typeName: "grpc.health.v1.HealthCheckRequest", service: name }, context);
  const iterator = answers[Symbol.asyncIterator]();
  return {
    next: async () => (await iterator.next()).value?.status as Status | undefined,
    leave: (reason?: Error) => controller.abort(reason),
  };
}

test.each(["", ...services])("Check of '%s' says that it is serving", async (name) => {
  expect(await service.clients.health.check({ service: name })).toMatchObject({ status: Status.SERVING });
});

test.each(["nobody", "wellvault.v1", "wellvault.v1.tenantservice", "__proto__", "x".repeat(10_000)])(
  "Check of a service that there is not is NOT_FOUND",
  async (name) => {
    const failure = await failureOf(service.clients.health.check({ service: name }));
    expect(failure).toMatchObject({ code: "NotFound", reason: "RESOURCE_NOT_FOUND" });
  },
);

test("List tells every service and the whole server", async () => {
  const { statuses } = await service.clients.health.list({});
  expect(Object.keys(statuses).sort()).toEqual(["", ...services].sort());
  for (const { status } of Object.values(statuses)) expect(status).toBe(Status.SERVING);
});

test("a watch is told every change once, in order", async () => {
  const health = createHealthState(["a"]);
  const watches = ["", "a"].map((name) => watchOf(health, name));
  for (const watch of watches) expect(await watch.next()).toBe(Status.NOT_SERVING);
  for (const serving of [true, false, true]) {
    const told = watches.map((watch) => watch.next());
    health.setServing(serving);
    // Saying it again is no change.
    health.setServing(serving);
    expect(await Promise.all(told)).toEqual(Array(2).fill(serving ? Status.SERVING : Status.NOT_SERVING));
  }
  for (const watch of watches) watch.leave();
});

test("a watcher that was busy is told the newest state, and nothing where that is what it knows", async () => {
  const health = createHealthState([]);
  const watch = watchOf(health, "");
  expect(await watch.next()).toBe(Status.NOT_SERVING);
  health.setServing(true);
  expect(await watch.next()).toBe(Status.SERVING);
  health.setServing(false);
  health.setServing(true);
  const next = watch.next();
  health.setServing(false);
  expect(await next).toBe(Status.NOT_SERVING);
  watch.leave();
});

test("a watch of an unknown service says so and stays open", async () => {
  const health = createHealthState(["a"]);
  const watch = watchOf(health, "b");
  expect(await watch.next()).toBe(Status.SERVICE_UNKNOWN);
  let isOver = false;
  const end = watch.next().then(
    () => expect.fail("the watch was told something"),
    () => {
      isOver = true;
    },
  );
  health.setServing(true);
  health.setServing(false);
  await new Promise((done) => setImmediate(done));
  expect(isOver).toBe(false);
  watch.leave();
  await end;
});

test.each(protocols.filter((protocol) => protocol !== "connect-binary"))(
  "a watch by %s is told at once",
  async (protocol) => {
    const clients: Clients = openClients(service.address, protocol);
    const controller = new AbortController();
    const heard: Status[] = [];
    const watching = (async () => {
      for await (const { status } of clients.health.watch({ service: "nobody" }, { signal: controller.signal })) {
        heard.push(status);
        setTimeout(() => controller.abort(), 20);
      }
    })();
    await expect(watching).rejects.toMatchObject({ code: 1 });
    expect(heard).toEqual([Status.SERVICE_UNKNOWN]);
    clients.close();
  },
);

test("a watch ends with its own deadline, however long that may be", async () => {
  const failure = await failureOf(
    (async () => {
      for await (const { status } of service.clients.health.watch(
        { service: "" },
        { headers: { "grpc-timeout": "50m" } },
      )) {
        expect(status).toBe(Status.SERVING);
      }
    })(),
  );
  expect(failure).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
  for (const timeout of ["2H", "99999999H"]) {
    const iterator = service.clients.health.watch({ service: "" }, { headers: { "grpc-timeout": timeout } });
    for await (const { status } of iterator) {
      expect(status).toBe(Status.SERVING);
      break;
    }
  }
});

test("watchers that leave, leave nothing behind", async () => {
  const health = createHealthState([]);
  const watches = Array.from({ length: 500 }, () => watchOf(health, ""));
  const ends = watches.map(async (watch) => {
    await watch.next();
    await expect(watch.next()).rejects.toThrow();
  });
  await new Promise((done) => setImmediate(done));
  expect(health.watching).toBe(500);
  for (const watch of watches) watch.leave();
  await Promise.all(ends);
  expect(health.watching).toBe(0);
});

test("connections that vanish with many watchers leave the server serving", async () => {
  const wire = await openWire(service.address);
  const streams = Array.from({ length: 100 }, () => {
    const stream = wire.open("/grpc.health.v1.Health/Watch", { "content-type": "application/grpc" });
    stream.end(Buffer.alloc(5));
    return stream;
  });
  await Promise.all(streams.map((stream) => new Promise((done) => stream.once("data", done))));
  wire.session.socket.resetAndDestroy();
  expect(await service.clients.health.check({})).toMatchObject({ status: Status.SERVING });
});

import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { type Caller, openCaller } from "../support/callers.ts";
import { as, protocols } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { openGrpcJsCaller } from "../support/grpc-js.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { envelope, openWire } from "../support/wire.ts";
import { useEverything } from "./scenario.ts";

let service: TestService;
/** Another service over the same database, which serves everything by Connect. */
let connect: TestService;
beforeAll(async () => {
  service = await startTestService();
  connect = await startTestService({ leanUnary: false }, service.database);
});
afterAll(async () => {
  await connect.close();
  await service.close();
});

const callers: [name: string, open: (address: string) => Caller][] = [
  ["grpc-js", (address) => openGrpcJsCaller(address)],
  ["grpc-js-gzip", (address) => openGrpcJsCaller(address, { gzip: true })],
  ...protocols.flatMap((protocol): typeof callers => [
    [protocol, (address) => openCaller(address, protocol)],
    [`${protocol}-gzip`, (address) => openCaller(address, protocol, { gzip: true })],
  ]),
  ["grpc-json", (address) => openCaller(address, "grpc", { json: true })],
  ["grpc-web-json", (address) => openCaller(address, "grpc-web", { json: true })],
  ["connect-get", (address) => openCaller(address, "connect", { useHttpGet: true })],
  ["connect-get-http1", (address) => openCaller(address, "connect-http1", { useHttpGet: true })],
  ["connect-get-binary-gzip", (address) => openCaller(address, "connect-binary", { useHttpGet: true, gzip: true })],
];

/** The clients that take the lean path, and take Connect's when that is off. */
const leanCallers = callers.filter(([name]) => /^grpc(-js)?(-gzip)?$/.test(name));
const everyCaller = [
  ...callers.map(([name, open]) => [name, open, true] as const),
  ...leanCallers.map(([name, open]) => [`${name}-by-connect`, open, false] as const),
];

test.each(everyCaller)("%s uses everything and is answered alike", async (name, open, isLean) => {
  const caller = open((isLean ? service : connect).address);
  try {
    await useEverything(caller, `company-${name}`);
  } finally {
    caller.close();
  }
});

test.each(everyCaller)("%s is told code, reason and details of every kind of error", async (name, open, isLean) => {
  const caller = open((isLean ? service : connect).address);
  try {
    const tenant = await service.provision(`errors-${name}`);
    const admin = as("company_admin", tenant);
    const { createEmployee, getEmployee } = EmployeeService.method;
    const missing = { key: { case: "externalId" as const, value: "nobody ñ" } };

    expect(await failureOf(caller.call(getEmployee, missing))).toMatchObject({
      code: "Unauthenticated",
      reason: "IDENTITY_MISSING",
      metadata: { key: "x-role" },
    });
    expect(await failureOf(caller.call(getEmployee, missing, as("company_admin", "no-such-company")))).toMatchObject({
      code: "PermissionDenied",
      reason: "TENANT_DENIED",
    });
    expect(await failureOf(caller.call(MetricService.method.listSamples, {}, admin))).toMatchObject({
      code: "PermissionDenied",
      reason: "ACCESS_DENIED",
      metadata: { role: "company_admin", method: "ListSamples" },
    });
    expect(await failureOf(caller.call(getEmployee, missing, admin))).toMatchObject({
      code: "NotFound",
      reason: "RESOURCE_NOT_FOUND",
      resource: { type: "wellvault.v1.Employee", name: "nobody ñ" },
    });
    expect(
      await failureOf(caller.call(createEmployee, { employee: { externalId: "", team: "t".repeat(201) } }, admin)),
    ).toMatchObject({
      code: "InvalidArgument",
      reason: "FIELD_INVALID",
      fields: ["employee.external_id", "employee.team"],
    });
    await caller.call(createEmployee, { employee: { externalId: "E-1" } }, admin);
    expect(await failureOf(caller.call(createEmployee, { employee: { externalId: "E-1" } }, admin))).toMatchObject({
      code: "AlreadyExists",
      reason: "RESOURCE_EXISTS",
      resource: { type: "wellvault.v1.Employee", name: "E-1" },
    });
  } finally {
    caller.close();
  }
});

const kindsPath = "/wellvault.v1.MetricService/ListMetricKinds";

test("a method without side effects is served by GET, with the identity in its headers", async () => {
  const url = `${service.address}${kindsPath}?connect=v1&encoding=json&message=%7B%7D`;
  const answered = await fetch(url, { headers: { "x-role": "auditor" } });
  expect(answered.status).toBe(200);
  expect(JSON.stringify(await answered.json())).toContain("heart_rate");
  expect((await fetch(url)).status).toBe(401);
  const writing = url.replace("MetricService/ListMetricKinds", "TenantService/ProvisionTenant");
  expect((await fetch(writing, { headers: { "x-role": "platform_operator" } })).status).toBe(405);
});

test("what a GET holds is checked like any body: its crowds, and its times", async () => {
  const tenant = await service.provision("by-get");
  const employeeId = await service.hire(tenant);
  const ask = async (message: object, packed = false) => {
    const json = Buffer.from(JSON.stringify(message));
    const query = new URLSearchParams({ connect: "v1", encoding: "json", base64: "1" });
    if (packed) query.set("compression", "gzip");
    query.set("message", (packed ? gzipSync(json) : json).toString("base64url"));
    const headers = { "x-role": "employee", "x-tenant-id": tenant, "x-employee-id": employeeId };
    const response = await fetch(`${service.address}/wellvault.v1.MetricService/ListSamples?${query}`, { headers });
    return { status: response.status, text: await response.text() };
  };
  expect(await ask({ employeeId, kinds: ["steps"] })).toMatchObject({ status: 200 });
  expect(await ask({ employeeId, kinds: ["steps"] }, true)).toMatchObject({ status: 200 });
  const crowd = await ask({ employeeId, x: Array(100_000).fill({}) }, true);
  expect(crowd).toMatchObject({ status: 400, text: expect.stringContaining("Send fewer items") });
  const kindsBy = async (query: string, headers = {}) =>
    await fetch(`${service.address}${kindsPath}?connect=v1&${query}`, { headers: { "x-role": "auditor", ...headers } });
  const plain = "encoding=json&message=%7B%7D";
  expect((await kindsBy(plain, { "content-length": "0" })).status).toBe(200);
  for (const [query, status] of [
    [`${plain}&compression=%E2%82%AC`, 501],
    ["encoding=proto&base64=1&message=!!!!", 400],
    ["encoding=json", 400],
    [`${plain}&compression=gzip`, 400],
  ] as const) {
    const answer = await kindsBy(query);
    expect([query, answer.status]).toEqual([query, status]);
    expect(await answer.text()).toContain("REQUEST_MALFORMED");
  }
  const unreal = await ask({ employeeId, startTime: "2024-02-31T00:00:00Z" });
  expect(unreal).toMatchObject({ status: 400, text: expect.stringContaining("start_time") });
});

test.each([
  ["gzip", true],
  ["gzip", false],
  ["br", true],
  ["br", false],
])("a large answer is compressed by %s for whoever takes that (lean: %s)", async (encoding, isLean) => {
  const wire = await openWire((isLean ? service : connect).address);
  const headers = { "content-type": "application/grpc", "x-role": "auditor" };
  const empty = envelope(new Uint8Array());
  const packed = await wire.send(kindsPath, { ...headers, "grpc-accept-encoding": encoding }, empty);
  expect(packed.headers.get("grpc-encoding")).toBe(encoding);
  expect(packed.body[0]).toBe(1);
  const plain = await wire.send(kindsPath, headers, empty);
  expect(plain.headers.get("grpc-encoding")).toBeNull();
  expect(plain.body[0]).toBe(0);
  expect(packed.body.byteLength).toBeLessThan(plain.body.byteLength);
  // The library's default takes far longer than this, and whoever asks would decide on it.
  const quick = brotliCompressSync(plain.body.subarray(5), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
  if (encoding === "br") expect(packed.body.subarray(5)).toEqual(quick);
  wire.close();
});

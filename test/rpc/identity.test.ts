import { create, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { createTenantDirectory, positiveTtlMs } from "../../src/tenancy/directory.ts";
import { as } from "../support/clients.ts";
import { type CallFailure, failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { envelope, failureOfResponse, openSocket, openWire, responseOf, type Wire } from "../support/wire.ts";

let service: TestService;
let wire: Wire;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
  wire = await openWire(service.address);
});
afterAll(async () => {
  wire.close();
  await service.close();
});

const services = [TenantService, EmployeeService, EmployeeLogService, MetricService];
const methods = services.flatMap((one) => one.methods as DescMethodUnary[]);
const listEmployees = "/wellvault.v1.EmployeeService/ListEmployees";
const grpc = { "content-type": "application/grpc" };

async function refusal(path: string, headers: Record<string, string>): Promise<CallFailure> {
  return failureOfResponse(await wire.send(path, { ...grpc, ...headers }, envelope(new Uint8Array())));
}

const missing = { code: "Unauthenticated", reason: "IDENTITY_MISSING" };
const noTenant = { code: "Unauthenticated", reason: "TENANT_MISSING", metadata: { key: "x-tenant-id" } };

test.each(methods.map((method) => [`/${method.parent.typeName}/${method.name}`]))(
  "%s without an identity is refused",
  async (path) => {
    expect(await refusal(path, {})).toMatchObject({ ...missing, metadata: { key: "x-role" } });
    expect(await refusal(path, { "x-tenant-id": "acme", "x-employee-id": crypto.randomUUID() })).toMatchObject(missing);
  },
);

test.each<[string, Record<string, string>, object]>([
  ["an unknown role", { "x-role": "root" }, missing],
  ["an empty role", { "x-role": "" }, missing],
  ["a role in capitals", { "x-role": "COMPANY_ADMIN" }, missing],
  ["two roles", { "x-role": "company_admin, platform_operator" }, missing],
  ["no tenant", { "x-role": "company_admin" }, noTenant],
  ["an empty tenant", { "x-role": "company_admin", "x-tenant-id": "" }, noTenant],
  ["two tenants", { "x-role": "company_admin", "x-tenant-id": "acme, other" }, noTenant],
  ["the same tenant twice", { "x-role": "company_admin", "x-tenant-id": "acme,acme" }, noTenant],
  ["an employee without an id", { "x-role": "employee", "x-tenant-id": "acme" }, missing],
  ["an employee whose id is none", { "x-role": "employee", "x-tenant-id": "acme", "x-employee-id": "7" }, missing],
])("metadata with %s proves nothing", async (_, headers, expected) => {
  expect(await refusal(listEmployees, headers)).toMatchObject(expected);
});

test.each([
  ["x-role", "company_admin", "platform_operator", "IDENTITY_MISSING"],
  ["x-role", "company_admin", "company_admin", "IDENTITY_MISSING"],
  ["x-tenant-id", "acme", "acme", "TENANT_MISSING"],
  ["x-tenant-id", "acme", "globex", "TENANT_MISSING"],
])("%s sent twice as %s and %s is refused by HTTP/1.1 too", async (key, first, second, reason) => {
  const socket = await openSocket(service.address);
  const others = key === "x-role" ? "x-tenant-id: acme" : "x-role: company_admin";
  socket.write(
    `POST ${listEmployees} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n` +
      `Connection: close\r\n${others}\r\n${key}: ${first}\r\n${key}: ${second}\r\n\r\n{}`,
  );
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  expect(text).toContain("HTTP/1.1 401");
  const { details } = JSON.parse(text.slice(text.indexOf("{"))) as { details: { debug?: { reason?: string } }[] };
  expect(details[0]?.debug?.reason).toBe(reason);
});

test("a tenant that does not exist and one that is suspended cannot be told apart", async () => {
  await service.provision("sleepy");
  await service.database.admin.query("update control.companies set state = 'SUSPENDED' where tenant_id = 'sleepy'");
  const failures = [];
  for (const tenant of ["sleepy", "never-was", "NOT A SLUG", "v_0123456789abcdef", "public", "control"]) {
    failures.push(await failureOf(service.clients.employees.listEmployees({}, as("company_admin", tenant))));
  }
  expect(failures[0]).toMatchObject({ code: "PermissionDenied", reason: "TENANT_DENIED", metadata: {} });
  for (const failure of failures) expect(failure).toEqual(failures[0]);
});

test("a suspension bites at the latest when the directory's memory of the tenant ends", async () => {
  let state = "ACTIVE";
  let now = 1_000;
  const store = {
    query: async <Row>() => [{ tenant_id: "acme", vault: "v_0123456789abcdef", state } as Row],
    close: async () => undefined,
  };
  const directory = createTenantDirectory(store, () => now);
  onTestFinished(() => directory.close());
  expect((await directory.lookup("acme"))?.state).toBe("ACTIVE");
  state = "SUSPENDED";
  now += positiveTtlMs - 1;
  expect((await directory.lookup("acme"))?.state).toBe("ACTIVE");
  now += 2;
  expect((await directory.lookup("acme"))?.state).toBe("SUSPENDED");
});

test("without an identity neither a broken nor a huge body is looked at", async () => {
  const broken = await wire.send(listEmployees, grpc, Buffer.from("no envelope at all"));
  expect(failureOfResponse(broken)).toMatchObject(missing);
  const huge = await wire.send(listEmployees, grpc, envelope(new Uint8Array(5 * 1_024 * 1_024)));
  expect(failureOfResponse(huge)).toMatchObject(missing);
});

test.each([
  ["no identity", {}, missing],
  ["no tenant", { "x-role": "company_admin" }, noTenant],
  ["a role that may not", { "x-role": "auditor", "x-tenant-id": "acme" }, { reason: "ACCESS_DENIED" }],
])("a caller with %s who never finishes the body is answered and let go", async (_, headers, expected) => {
  const stream = wire.open(listEmployees, { ...grpc, ...headers });
  const closed = new Promise((done) => stream.once("close", done));
  stream.write(Buffer.of(0, 0, 1));
  expect(failureOfResponse(await responseOf(stream))).toMatchObject(expected);
  await closed;
});

test("an HTTP/1.1 caller without an identity who never finishes the body is answered and let go", async () => {
  const socket = await openSocket(service.address);
  socket.write(
    `POST ${listEmployees} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
  );
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  expect(text).toContain("HTTP/1.1 401");
});

test("control: with an identity the body is read", async () => {
  const headers = { ...grpc, ...as("company_admin", "acme").headers };
  const failure = failureOfResponse(await wire.send(listEmployees, headers, Buffer.from("no envelope at all")));
  expect(failure.reason).not.toBe("IDENTITY_MISSING");
});

test("health and reflection need no identity and tell of no tenant", async () => {
  expect((await service.clients.health.list({})).statuses).not.toHaveProperty("acme");
  const { ServerReflection } = await import("../../src/gen/grpc/reflection/v1/reflection_pb.ts");
  const method = ServerReflection.method.serverReflectionInfo;
  const ask = (question: Parameters<typeof create<typeof method.input>>[1]) =>
    toBinary(method.input, create(method.input, question));
  const body = envelope(
    ask({ messageRequest: { case: "listServices", value: "" } }),
    ask({ messageRequest: { case: "fileContainingSymbol", value: "acme" } }),
  );
  const response = await wire.send(`/${method.parent.typeName}/${method.name}`, grpc, body);
  expect(response.trailers.get("grpc-status")).toBe("0");
  expect(response.body.toString("latin1")).toContain("wellvault.v1.TenantService");
  expect(response.body.toString("latin1")).not.toMatch(/acme.*acme|v_[0-9a-f]{16}/s);
});

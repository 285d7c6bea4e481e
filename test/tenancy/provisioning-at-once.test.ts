import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ProvisionTenantResponse } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { as } from "../support/clients.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { type CallFailure, failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const operator = as("platform_operator");
const twenty = Array.from({ length: 20 }, (_, index) => index);

type Spec = Parameters<TestService["clients"]["tenants"]["provisionTenant"]>[0];

/** Provisions all at the same time and sorts the outcomes. */
async function allAtOnce(specs: readonly Spec[]) {
  const responses: ProvisionTenantResponse[] = [];
  const failures: CallFailure[] = [];
  await Promise.all(
    specs.map(async (spec) => {
      const call = service.clients.tenants.provisionTenant(spec, operator);
      await call.then(
        (response) => responses.push(response),
        async () => failures.push(await failureOf(call)),
      );
    }),
  );
  return { responses, failures, created: responses.filter((response) => response.created) };
}

test("twenty different companies at once all exist and can be used by the very next call", async () => {
  const specs = twenty.map((n) => ({ tenantId: `many-${n}`, displayName: `Many ${n}`, requestId: randomUUID() }));
  await Promise.all(
    specs.map(async (spec) => {
      expect((await service.clients.tenants.provisionTenant(spec, operator)).created).toBe(true);
      const employeeId = await service.hire(spec.tenantId, "E-1");
      const { employees } = await service.clients.employees.listEmployees({}, as("company_admin", spec.tenantId));
      expect(employees.map((employee) => employee.employeeId)).toEqual([employeeId]);
    }),
  );
});

test("a tenant that was asked for too early is found as soon as it is provisioned", async () => {
  const early = service.clients.employees.listEmployees({}, as("company_admin", "early"));
  expect((await failureOf(early)).reason).toBe("TENANT_DENIED");
  await service.provision("early");
  await service.hire("early");
});

test("the same company twenty times at once is created once and returned to all", async () => {
  const spec = { tenantId: "same", displayName: "Same", externalId: "same" };
  const { responses, failures, created } = await allAtOnce(twenty.map(() => spec));
  expect(failures).toEqual([]);
  expect(created).toHaveLength(1);
  for (const response of responses) expect(response.tenant).toEqual(created[0]?.tenant);
});

test("the same request twenty times at once is created once and returned to all", async () => {
  const spec = { tenantId: "same-request", displayName: "Same", requestId: randomUUID() };
  const { responses, failures, created } = await allAtOnce(twenty.map(() => spec));
  expect(failures).toEqual([]);
  expect(created).toHaveLength(1);
  for (const response of responses) expect(response.tenant).toEqual(created[0]?.tenant);
});

test("one tenant id wanted by twenty different companies at once goes to exactly one", async () => {
  const { responses, failures } = await allAtOnce(twenty.map((n) => ({ tenantId: "wanted", displayName: `No ${n}` })));
  expect(responses).toHaveLength(1);
  expect(failures).toHaveLength(19);
  for (const failure of failures) {
    expect(failure).toMatchObject({
      code: "AlreadyExists",
      reason: "RESOURCE_EXISTS",
      resource: { type: "wellvault.v1.Tenant", name: "wanted" },
    });
  }
});

test("one request id for twenty different companies at once serves exactly one", async () => {
  const requestId = randomUUID();
  const specs = twenty.map((n) => ({ tenantId: `request-${n}`, displayName: "Request", requestId }));
  const { responses, failures } = await allAtOnce(specs);
  expect(responses).toHaveLength(1);
  expect(new Set(failures.map((failure) => failure.reason))).toEqual(new Set(["REQUEST_ID_REUSED"]));
});

test("companies that want each other's ids crosswise at once leave every id with one company", async () => {
  const specs = twenty.flatMap((n) => [
    { tenantId: `cross-${n}`, displayName: "Cross", externalId: `cross-${n + 1}` },
    { tenantId: `cross-${n + 1}`, displayName: "Cross", externalId: `cross-${n}` },
    { tenantId: `cross-${n}`, displayName: "Cross", externalId: `cross-${n}` },
  ]);
  const { failures } = await allAtOnce(specs);
  expect(new Set(failures.map((failure) => failure.reason))).toEqual(new Set(["RESOURCE_EXISTS"]));
});

test("none of it was a deadlock, and the count would have shown one", async () => {
  const { admin } = service.database;
  expect(await countDeadlocks(admin)).toBe(0);

  // Two sessions that take two locks crosswise: one of them must be counted.
  const pair = [new pg.Client(service.database.url), new pg.Client(service.database.url)] as const;
  for (const client of pair) {
    client.on("error", () => undefined);
    await client.connect();
    await client.query("set deadlock_timeout = '10ms'");
    await client.query("begin");
  }
  await Promise.all(pair.map((client, n) => client.query("select pg_advisory_xact_lock($1)", [n])));
  const crossed = pair.map((client, n) => client.query("select pg_advisory_xact_lock($1)", [1 - n]));
  await Promise.allSettled(crossed);
  expect(await countDeadlocks(admin)).toBe(1);
  await Promise.allSettled(pair.map((client) => client.end()));
});

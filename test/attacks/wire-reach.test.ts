import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { ListSamplesRequestSchema, MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { type Caller, openCaller } from "../support/callers.ts";
import { attackSuite } from "./support/attack.ts";
import { tenantCalls } from "./wire/calls.ts";
import { everyTenantCall } from "./wire/every-call.ts";
import type { Badge } from "./wire/issuer.ts";
import { startRedirectedService } from "./wire/redirected-service.ts";
import { openStage, type Stage } from "./wire/stage.ts";

let stage: Stage;
/** A's caller who says, with a real token of A, to be the employee that B has. */
let asEmployeeOfB: Badge;
beforeAll(async () => {
  stage = await openStage();
  asEmployeeOfB = await stage.issuer.badge("employee", stage.a.tenantId, stage.b.employeeId);
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);
const byEmployeeId = tenantCalls.filter((call) => call.byEmployeeId);

attack({
  id: "R13",
  title: "the ids of B's rows with A's token",
  expected: "NOT_FOUND",
  // Sent as the id of an entry.
  knows: () => [stage.b.marker],
  async run(attempt) {
    expect(byEmployeeId.map(({ name }) => name).sort()).toEqual(
      tenantCalls
        .map(({ name }) => name)
        .filter((name) => !["CreateEmployee", "ListEmployees", "BatchUpsertEmployees"].includes(name))
        .sort(),
    );
    // Three rounds, so that every method meets every client.
    for (let round = 0; round < 3; round++) {
      const calls = [...byEmployeeId.slice(round), ...byEmployeeId.slice(0, round)];
      const badge = (name: string) => (name === "person" ? asEmployeeOfB : stage.a.badges[name as "admin"]);
      await everyTenantCall(stage, attempt, (call) => badge(call.badge), stage.b, calls);
    }
    const key = { case: "externalId" as const, value: stage.b.externalId };
    for (const [name, caller] of Object.entries(stage.callers)) {
      await attempt(`GetEmployee by external id by ${name}`, () =>
        stage.noted(caller.call(EmployeeService.method.getEmployee, { key }, stage.a.badges.admin)),
      );
    }
    // What A is told of B's rows is what it is told of rows that nobody has.
    const told = new Set(stage.failures.map(({ message }) => message));
    const nobody = { ...stage.b, employeeId: randomUUID(), entryId: "nobodys" };
    const person = await stage.issuer.badge("employee", stage.a.tenantId, nobody.employeeId);
    await everyTenantCall(
      stage,
      attempt,
      (call) => (call.badge === "person" ? person : stage.a.badges[call.badge]),
      nobody,
      byEmployeeId,
    );
    expect(new Set(stage.failures.map(({ message }) => message))).toEqual(told);
  },
});

attack({
  id: "R14",
  title: "the page tokens of B's lists in A's",
  expected: "INVALID_ARGUMENT",
  async run(attempt) {
    const { employeeId, badges } = stage.a;
    const { pageTokens } = stage.b;
    for (const token of Object.values(pageTokens)) expect(token).not.toBe("");
    for (const [name, caller] of Object.entries(stage.callers)) {
      const ways = listsWith(caller, employeeId, badges);
      await attempt(`ListEmployees by ${name}`, () => stage.noted(ways.employees(pageTokens.employees)));
      await attempt(`ListLogEntries by ${name}`, () => stage.noted(ways.entries(pageTokens.entries)));
      await attempt(`ListSamples by ${name}`, () => stage.noted(ways.samples(pageTokens.samples)));
      // A's own token, for another of its lists or with another argument, is no better.
      await attempt(`another list's token by ${name}`, () => stage.noted(ways.entries(stage.a.pageTokens.samples)));
      const other = create(ListSamplesRequestSchema, {
        employeeId,
        kinds: ["weight"],
        pageToken: stage.a.pageTokens.samples,
      });
      await attempt(`other arguments by ${name}`, () =>
        stage.noted(caller.call(MetricService.method.listSamples, other, badges.person)),
      );
    }
    // The tokens are good where they were made for.
    const own = listsWith(stage.callers["grpc-js"], stage.b.employeeId, stage.b.badges);
    expect((await own.employees(pageTokens.employees)).employees.length).toBe(1);
    expect((await own.entries(pageTokens.entries)).entries.length).toBe(1);
    expect((await own.samples(pageTokens.samples)).samples.length).toBe(1);
  },
});

function listsWith(caller: Caller, employeeId: string, { admin, person }: Stage["a"]["badges"]) {
  return {
    employees: (pageToken: string) =>
      caller.call(EmployeeService.method.listEmployees, { pageSize: 1, pageToken }, admin),
    entries: (pageToken: string) =>
      caller.call(EmployeeLogService.method.listLogEntries, { employeeId, pageSize: 1, pageToken }, person),
    samples: (pageToken: string) =>
      caller.call(MetricService.method.listSamples, { employeeId, pageSize: 1, pageToken }, person),
  };
}

attack({
  id: "R15",
  title: "the request id that B created an employee with",
  expected: "a row of A's own",
  async run(attempt) {
    const externalId = `A-${randomUUID()}`;
    const { requestId } = stage.b;
    for (const [name, caller] of Object.entries(stage.callers)) {
      await attempt(
        name,
        () =>
          stage.noted(
            caller.call(
              EmployeeService.method.createEmployee,
              { employee: { externalId }, requestId },
              stage.a.badges.admin,
            ),
          ),
        ({ employee }) =>
          employee?.externalId === externalId && employee.employeeId !== stage.b.employeeId
            ? "a row of A's own"
            : "B's row",
      );
    }
    const { rows } = await stage.database.admin.query<{ vault: string }>(
      `select 'a' as vault from ${stage.a.vault}.employees where request_id = $1
       union all select 'b' from ${stage.b.vault}.employees where request_id = $1 order by 1`,
      [requestId],
    );
    expect(rows.map(({ vault }) => vault)).toEqual(["a", "b"]);
  },
});

attack({
  id: "R16",
  title: "a request id once more with another body",
  expected: "ALREADY_EXISTS",
  async run(attempt) {
    const [requestId, platformId] = [stage.a.requestId, randomUUID()];
    const platform = { tenantId: `t-${randomUUID()}`, displayName: "First", requestId: platformId };
    const { operator, admin } = stage.a.badges;
    await stage.callers["grpc-js"].call(TenantService.method.provisionTenant, platform, operator);
    for (const [name, caller] of Object.entries(stage.callers)) {
      const employee = { externalId: `other-${randomUUID()}` };
      await attempt(`CreateEmployee by ${name}`, () =>
        stage.noted(caller.call(EmployeeService.method.createEmployee, { employee, requestId }, admin)),
      );
      const request = { ...platform, displayName: "Second" };
      await attempt(`ProvisionTenant by ${name}`, () =>
        stage.noted(caller.call(TenantService.method.provisionTenant, request, operator)),
      );
    }
  },
});

/** What A's own caller gets of the roster when the directory answers as told. */
async function rosterOfA(redirect: (a: TenantEntry, b: TenantEntry) => TenantEntry): Promise<string[]> {
  const liar = await startRedirectedService({
    databaseUrl: stage.database.url,
    identity: stage.issuer.settings,
    log: pino({ level: "silent" }),
    async redirect(entry, lookup) {
      const b = await lookup(stage.b.tenantId);
      return b && entry.tenantId === stage.a.tenantId ? redirect(entry, b) : entry;
    },
  });
  const caller = openCaller(liar.address, "grpc");
  try {
    const { employees } = await caller.call(EmployeeService.method.listEmployees, {}, stage.a.badges.admin);
    return employees.map(({ displayName }) => displayName);
  } finally {
    caller.close();
    await liar.stop();
  }
}

control({
  id: "R13",
  without: "a directory that gives A its own vault, and with a token signed for B",
  effect: "reads B",
  async run(attempt) {
    await attempt("ListEmployees", () => rosterOfA((_, b) => b));
  },
});

test("a directory that errs in the vault alone shows none of B's rows", async () => {
  const roster = rosterOfA((a, b) => ({ ...a, vault: b.vault }));
  await expect(roster).rejects.toMatchObject({ code: Code.Internal });
  expect(await rosterOfA((a) => a)).toContain(`name-${stage.a.marker}`);
});

complete();

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { type Employee, EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { logEntry, monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const { ACTIVE, OFFBOARDED, UNSPECIFIED } = EmployeeState;

let service: TestService;
let tenant: string;
let admin: ReturnType<typeof as>;
beforeAll(async () => {
  service = await startTestService();
});
beforeEach(async () => {
  tenant = await service.provision();
  admin = as("company_admin", tenant);
});
afterAll(() => service.close());

async function create(employee: { externalId: string; team?: string; state?: EmployeeState }, requestId = "") {
  const response = await service.clients.employees.createEmployee({ employee, requestId }, admin);
  if (!response.employee) throw new Error("no employee was returned");
  return response.employee;
}

async function setState(employeeId: string, state: EmployeeState, paths: string[] = ["state"]): Promise<Employee> {
  const request = { employeeId, employee: { externalId: "E-1", state }, updateMask: { paths } };
  const { employee } = await service.clients.employees.updateEmployee(request, admin);
  if (!employee) throw new Error("no employee was returned");
  return employee;
}

async function list(filter: { state?: EmployeeState; team?: string }, pageSize = 2): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const page = await service.clients.employees.listEmployees({ ...filter, pageSize, pageToken }, admin);
    ids.push(...page.employees.map((employee) => employee.externalId));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
}

describe("the state of an employee", () => {
  test("is ACTIVE unless told otherwise, and changes with the etag by a mask that names it", async () => {
    const made = await create({ externalId: "E-1" });
    expect(made.state).toBe(ACTIVE);
    const left = await setState(made.employeeId, OFFBOARDED);
    expect(left.state).toBe(OFFBOARDED);
    expect(left.etag).not.toBe(made.etag);
    const { employee } = await service.clients.employees.getEmployee(
      { key: { case: "externalId", value: "E-1" } },
      admin,
    );
    expect(employee).toEqual(left);
    expect((await create({ externalId: "E-2", state: OFFBOARDED })).state).toBe(OFFBOARDED);
  });

  test("survives a caller who replaces all fields and does not know of states", async () => {
    const { employeeId } = await create({ externalId: "E-1", state: OFFBOARDED });
    expect((await setState(employeeId, UNSPECIFIED, [])).state).toBe(OFFBOARDED);
    expect((await setState(employeeId, OFFBOARDED, ["team"])).state).toBe(OFFBOARDED);
    // The control: whoever says a state without a mask changes it.
    expect((await setState(employeeId, ACTIVE, [])).state).toBe(ACTIVE);
  });

  test("is refused where a mask names it and it is not told", async () => {
    const { employeeId, etag } = await create({ externalId: "E-1" });
    const failure = await failureOf(setState(employeeId, UNSPECIFIED));
    expect(failure).toMatchObject({ reason: "FIELD_INVALID", fields: ["employee.state"] });
    expect((await setState(employeeId, ACTIVE)).etag).toBe(etag);
  });

  test("is part of what a repeated request must say again", async () => {
    const requestId = randomUUID();
    const first = await create({ externalId: "E-1" }, requestId);
    expect(await create({ externalId: "E-1", state: ACTIVE }, requestId)).toEqual(first);
    const other = create({ externalId: "E-1", state: OFFBOARDED }, requestId);
    expect((await failureOf(other)).reason).toBe("REQUEST_ID_REUSED");
  });
});

describe("of an employee who has left", () => {
  let employeeId: string;
  beforeEach(async () => {
    ({ employeeId } = await create({ externalId: "E-1" }));
    const own = as("employee", tenant, employeeId);
    await service.clients.logs.putLogEntry({ employeeId, entry: logEntry({ entryId: "before", version: 2n }) }, own);
    await service.clients.metrics.putSamples({ employeeId, samples: [sample()] }, own);
    await setState(employeeId, OFFBOARDED);
  });
  const callers = (): ReturnType<typeof as>[] => [as("employee", tenant, employeeId), as("ingest_service", tenant)];
  const refusal = () => ({
    code: "FailedPrecondition",
    reason: "EMPLOYEE_OFFBOARDED",
    resource: { type: "wellvault.v1.Employee", name: employeeId },
  });

  test("nothing new is kept, whoever sends it", async () => {
    const { logs, metrics } = service.clients;
    for (const caller of callers()) {
      const entries = [logEntry({ entryId: "after" }), logEntry({ entryId: "before", version: 3n })];
      for (const entry of entries) {
        expect(await failureOf(logs.putLogEntry({ employeeId, entry }, caller))).toMatchObject(refusal());
      }
      const later = sample({ startTime: fromMicros(monday + 60_000_000n), source: "new_watch" });
      for (const one of [later, sample({ version: 2n }), sample()]) {
        expect(await failureOf(metrics.putSamples({ employeeId, samples: [one] }, caller))).toMatchObject(refusal());
      }
    }
    const [own] = callers();
    expect((await logs.listLogEntries({ employeeId }, own)).entries).toMatchObject([
      { entryId: "before", version: 2n },
    ]);
    expect((await metrics.listSamples({ employeeId }, own)).samples).toMatchObject([{ version: 1n }]);
  });

  test("an entry that is stored already is answered as before, so that a repetition does not fail", async () => {
    for (const [version, outcome] of [
      [2n, WriteOutcome.UNCHANGED],
      [1n, WriteOutcome.STALE],
    ] as const) {
      const entry = logEntry({ entryId: "before", version });
      const response = await service.clients.logs.putLogEntry({ employeeId, entry }, callers()[0]);
      expect(response.outcome).toBe(outcome);
    }
  });

  test("the person still reads everything and deletes entries, and a deleted one does not come back", async () => {
    const [own] = callers();
    const { logs } = service.clients;
    await logs.deleteLogEntry({ employeeId, entryId: "before" }, own);
    expect((await logs.listLogEntries({ employeeId }, own)).entries).toEqual([]);
    const entry = logEntry({ entryId: "before", version: 3n });
    expect(await failureOf(logs.putLogEntry({ employeeId, entry }, own))).toMatchObject(refusal());
  });

  test("the external id stays taken", async () => {
    expect((await failureOf(create({ externalId: "E-1" }))).reason).toBe("RESOURCE_EXISTS");
  });

  test("the control: everything is stored again once the employee is back", async () => {
    await setState(employeeId, ACTIVE);
    for (const [index, caller] of callers().entries()) {
      const entry = logEntry({ entryId: `after-${index}` });
      expect(await service.clients.logs.putLogEntry({ employeeId, entry }, caller)).toMatchObject({
        outcome: WriteOutcome.INSERTED,
      });
      const samples = [sample({ version: BigInt(index + 2) })];
      expect(await service.clients.metrics.putSamples({ employeeId, samples }, caller)).toMatchObject({
        replacedCount: 1,
      });
    }
  });
});

describe("listing by state and team", () => {
  beforeEach(async () => {
    for (let n = 0; n < 12; n++) {
      const team = ["A", "", "a"][n % 3] ?? "";
      await create({ externalId: `E-${n}`, team, state: n % 2 ? OFFBOARDED : ACTIVE });
    }
  });

  test("returns those that match once each, whatever the page size", async () => {
    const all = Array.from({ length: 12 }, (_, n) => n);
    const ids = (wanted: (n: number) => boolean) => all.filter(wanted).map((n) => `E-${n}`);
    for (const pageSize of [1, 2, 50]) {
      expect(await list({}, pageSize)).toEqual(ids(() => true));
      expect(await list({ state: ACTIVE }, pageSize)).toEqual(ids((n) => n % 2 === 0));
      expect(await list({ state: OFFBOARDED }, pageSize)).toEqual(ids((n) => n % 2 === 1));
      expect(await list({ team: "A" }, pageSize)).toEqual(ids((n) => n % 3 === 0));
      expect(await list({ team: "" }, pageSize)).toEqual(ids((n) => n % 3 === 1));
      expect(await list({ team: "A", state: OFFBOARDED }, pageSize)).toEqual(ids((n) => n % 6 === 3));
      expect(await list({ team: "none" }, pageSize)).toEqual([]);
    }
  });

  test("binds a page token to the state and the team", async () => {
    const { listEmployees } = service.clients.employees;
    const { nextPageToken: pageToken } = await listEmployees({ pageSize: 1, state: ACTIVE, team: "" }, admin);
    expect(pageToken).not.toBe("");
    for (const other of [{}, { state: ACTIVE }, { team: "" }, { state: OFFBOARDED, team: "" }]) {
      const failure = await failureOf(listEmployees({ ...other, pageSize: 1, pageToken }, admin));
      expect(failure.reason).toBe("PAGE_TOKEN_INVALID");
    }
  });
});

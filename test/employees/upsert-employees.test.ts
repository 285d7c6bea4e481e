import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { maxEmployees } from "../../src/employees/employee-limits.ts";
import { type Employee, EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { UpsertOutcome } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { as } from "../support/clients.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

const { CREATED, UPDATED, UNCHANGED } = UpsertOutcome;
const { ACTIVE, OFFBOARDED } = EmployeeState;

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
});
beforeEach(async () => {
  tenant = await service.provision();
});
afterAll(() => service.close());

type Client = TestService["clients"]["employees"];
type Request = Parameters<Client["batchUpsertEmployees"]>[0];
type Wanted = NonNullable<Request["employees"]>;

async function upsert(request: Request, of = tenant) {
  return (await service.clients.employees.batchUpsertEmployees(request, as("company_admin", of))).employees;
}

async function outcomes(request: Request, of = tenant): Promise<UpsertOutcome[]> {
  return (await upsert(request, of)).map(({ outcome }) => outcome);
}

async function roster(of = tenant): Promise<Employee[]> {
  return (await service.clients.employees.listEmployees({ pageSize: 1_000 }, as("company_admin", of))).employees;
}

async function vault(): Promise<string> {
  const { rows } = await service.database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenant],
  );
  return rows[0]?.vault ?? "";
}

async function counters(): Promise<Record<string, number>> {
  const { rows } = await service.database.admin.query<{ name: string; last_value: number }>(
    `select name, last_value from ${await vault()}.counters`,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.last_value]));
}

const people = (count: number, over: object = {}): Wanted =>
  Array.from({ length: count }, (_, n) => ({ externalId: `E-${n}`, displayName: `Person ${n}`, ...over }));

describe("a batch", () => {
  test("of 1,000 creates all, says so in its order, and sent again changes nothing", async () => {
    const employees = people(1_000, { team: "A", location: "Berlin", timeZone: "Europe/Berlin" });
    const first = await upsert({ employees });
    expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set([CREATED]));
    expect(first.map(({ employee }) => employee?.externalId)).toEqual(employees.map(({ externalId }) => externalId));
    expect(first[7]?.employee).toMatchObject({ ...employees[7], state: ACTIVE, etag: "r1" });
    expect(await roster()).toEqual(first.map(({ employee }) => employee));
    expect(await counters()).toMatchObject({ employee: 1_000, active_employee: 1_000 });

    const again = await upsert({ employees: [...employees].reverse() });
    expect(new Set(again.map(({ outcome }) => outcome))).toEqual(new Set([UNCHANGED]));
    expect(again.map(({ employee }) => employee).reverse()).toEqual(first.map(({ employee }) => employee));
    expect(await roster()).toEqual(first.map(({ employee }) => employee));
    expect(await counters()).toMatchObject({ employee: 1_000, active_employee: 1_000 });
  });

  test("tells what was created, updated and unchanged, and leaves everybody else as they are", async () => {
    await upsert({ employees: people(4) });
    const [other] = await roster();
    const result = await upsert({
      employees: [
        { externalId: "E-3", displayName: "Person 3" },
        { externalId: "new", team: "B", state: OFFBOARDED },
        { externalId: "E-1", displayName: "Renamed", state: OFFBOARDED },
        { externalId: "E-2", displayName: "" },
      ],
    });
    expect(result.map(({ outcome }) => outcome)).toEqual([UNCHANGED, CREATED, UPDATED, UPDATED]);
    const now = await roster();
    expect(now).toMatchObject([
      { ...other },
      { externalId: "E-1", displayName: "Renamed", state: OFFBOARDED, etag: "r2" },
      { externalId: "E-2", displayName: "", state: ACTIVE, etag: "r2" },
      { externalId: "E-3", etag: "r1" },
      { externalId: "new", team: "B", state: OFFBOARDED, etag: "r1" },
    ]);
    const order = [3, 4, 1, 2].map((place) => now[place]);
    expect(result.map(({ employee }) => employee)).toEqual(order);
  });

  test("changes of those who are there what the mask names, and keeps a state that is not told", async () => {
    const [before] = await upsert({ employees: [{ externalId: "E-1", team: "A", location: "L", state: OFFBOARDED }] });
    const request = {
      employees: [
        { externalId: "E-1", team: "B" },
        { externalId: "E-2", team: "B" },
      ],
    };
    const updateMask = { paths: ["team", "state"] };
    const [after, created] = await upsert({ ...request, updateMask });
    expect(after?.employee).toMatchObject({ team: "B", location: "L", state: OFFBOARDED, etag: "r2" });
    expect(after?.employee?.employeeId).toBe(before?.employee?.employeeId);
    expect(created?.employee).toMatchObject({ team: "B", location: "", state: ACTIVE });
    // The control: without the mask the location is replaced.
    expect((await upsert(request))[0]?.employee).toMatchObject({ location: "", state: OFFBOARDED });
  });

  test("only validated says the same and writes nothing", async () => {
    await upsert({ employees: people(2) });
    const before = await roster();
    const request = { employees: people(3).map((one, n) => (n === 1 ? { ...one, team: "B" } : one)) };
    const told = await upsert({ ...request, validateOnly: true });
    expect(told.map(({ outcome }) => outcome)).toEqual([UNCHANGED, UPDATED, CREATED]);
    expect(told[2]?.employee).toMatchObject({ externalId: "E-2", employeeId: "", etag: "" });
    expect(told[1]?.employee).toMatchObject({ team: "B", etag: "r1" });
    expect(await roster()).toEqual(before);
    expect(await counters()).toMatchObject({ employee: 2, active_employee: 2 });
    expect(await outcomes(request)).toEqual([UNCHANGED, UPDATED, CREATED]);
  });

  test("brings nobody back who was deleted, but creates somebody else under the external id", async () => {
    const [old] = await upsert({ employees: [{ externalId: "E-1" }] });
    const employeeId = old?.employee?.employeeId ?? "";
    await service.clients.employees.deleteEmployee({ employeeId }, as("company_admin", tenant));
    const [fresh] = await upsert({ employees: [{ externalId: "E-1" }] });
    expect(fresh?.outcome).toBe(CREATED);
    expect(fresh?.employee?.employeeId).not.toBe(employeeId);
    expect(await counters()).toMatchObject({ employee: 2, active_employee: 1 });
  });
});

describe("a batch with something wrong", () => {
  test("writes nothing and names every bad employee by index and field", async () => {
    const long = "x".repeat(201);
    const employees = people(6);
    Object.assign(employees[1] ?? {}, { team: long, timeZone: "Mars/Base" });
    Object.assign(employees[3] ?? {}, { externalId: "E-0" });
    Object.assign(employees[4] ?? {}, { externalId: "", state: 9 });
    const failure = await failureOf(upsert({ employees }));
    expect(failure).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID" });
    expect([...failure.fields].sort()).toEqual([
      "employees[1].team",
      "employees[1].time_zone",
      "employees[3].external_id",
      "employees[4].external_id",
      "employees[4].state",
    ]);
    expect(await roster()).toEqual([]);
    expect(await counters()).toMatchObject({ employee: 0, active_employee: 0 });
  });

  test("a thousand times says how often, in an error that a client can read", async () => {
    const failure = await failureOf(upsert({ employees: people(1_000, { timeZone: "Mars/Base" }) }));
    expect(failure.metadata["violation_count"]).toBe("1000");
    expect(failure.fields[0]).toBe("employees[0].time_zone");
  });

  test("by a stale etag, or one of nobody, is refused as a whole", async () => {
    const [made] = await upsert({ employees: [{ externalId: "E-1" }] });
    const etag = made?.employee?.etag ?? "";
    expect(await outcomes({ employees: [{ externalId: "E-1", team: "B", etag }] })).toEqual([UPDATED]);
    for (const externalId of ["E-1", "E-9"]) {
      const failure = await failureOf(upsert({ employees: [{ externalId: "new" }, { externalId, team: "C", etag }] }));
      expect(failure).toMatchObject({ code: "Aborted", reason: "ETAG_STALE", resource: { name: externalId } });
    }
    expect(await roster()).toMatchObject([{ externalId: "E-1", team: "B" }]);
  });

  test("that would be one employee too many is refused as a whole, and one that fits is not", async () => {
    await upsert({ employees: people(2) });
    const set = `update ${await vault()}.counters set last_value = $1 where name = 'active_employee'`;
    await service.database.admin.query(set, [maxEmployees - 3]);
    for (const validateOnly of [true, false]) {
      const failure = await failureOf(upsert({ employees: people(6, { team: "B" }), validateOnly }));
      expect(failure).toMatchObject({ reason: "LIMIT_REACHED", metadata: { limit: "employees" } });
    }
    expect(await roster()).toMatchObject([{ team: "" }, { team: "" }]);
    expect(await outcomes({ employees: people(5, { team: "B" }) })).toEqual([
      UPDATED,
      UPDATED,
      CREATED,
      CREATED,
      CREATED,
    ]);
    expect(await counters()).toMatchObject({ active_employee: maxEmployees });
    // Full, and still those who are there can be changed.
    expect(await outcomes({ employees: people(1, { team: "C" }) })).toEqual([UPDATED]);
  });
});

describe("batches that meet", () => {
  test("with the same ids in opposite order never deadlock, and each id is created once", async () => {
    const before = await countDeadlocks(service.database.admin);
    for (let round = 0; round < 5; round++) {
      const employees = people(200, { team: `round ${round}` }).map((one) => ({
        ...one,
        externalId: `${round % 2}-${one.externalId}`,
      }));
      const both = await Promise.all(
        [employees, employees.toReversed(), employees, employees.toReversed()].map((all) =>
          outcomes({ employees: all }),
        ),
      );
      const written = both.flat().filter((outcome) => outcome !== UNCHANGED);
      expect(written).toHaveLength(200);
    }
    expect(await countDeadlocks(service.database.admin)).toBe(before);
    expect(await roster()).toHaveLength(400);
    expect(await counters()).toMatchObject({ employee: 400, active_employee: 400 });
  });

  test("and renamings, creations and deletions of the same ids never deadlock, fail known ways, and keep the count", async () => {
    const before = await countDeadlocks(service.database.admin);
    const admin = as("company_admin", tenant);
    const { employees: client } = service.clients;
    const ids = Array.from({ length: 8 }, (_, n) => `E-${n}`);
    const reasons = new Set<string>();
    const quietly = async (call: Promise<unknown>) => {
      await call.catch(async () => reasons.add((await failureOf(call)).reason));
    };
    for (let round = 0; round < 15; round++) {
      const all = await roster();
      const batch = ids.map((externalId) => ({ externalId, team: `${round}` }));
      await Promise.all([
        upsert({ employees: batch }),
        upsert({ employees: batch.toReversed() }),
        ...all.slice(0, 4).map(({ employeeId }, n) => {
          const employee = { externalId: ids[(n + round) % 8] ?? "" };
          return quietly(
            client.updateEmployee({ employeeId, employee, updateMask: { paths: ["external_id"] } }, admin),
          );
        }),
        ...all.slice(2, 5).map(({ employeeId }) => quietly(client.deleteEmployee({ employeeId }, admin))),
        quietly(client.createEmployee({ employee: { externalId: ids[round % 8] ?? "" } }, admin)),
      ]);
    }
    for (const reason of reasons) expect(reason).toMatch(/^(RESOURCE_EXISTS|RESOURCE_NOT_FOUND)$/);
    expect(await countDeadlocks(service.database.admin)).toBe(before);
    const left = await roster();
    expect(new Set(left.map(({ externalId }) => externalId)).size).toBe(left.length);
    expect(await counters()).toMatchObject({ active_employee: left.length });
  });

  test("of an id that somebody is renamed to meanwhile wait for it and change that employee", async () => {
    const [made] = await upsert({ employees: [{ externalId: "old" }] });
    const { admin } = service.database;
    await admin.query("begin");
    await admin.query(`update ${await vault()}.employees set external_id = 'E-1'`);
    const waiting = upsert({ employees: [{ externalId: "E-1", team: "B" }] });
    const blocked = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while ((await service.database.admin.query(blocked)).rowCount === 0)
      await new Promise((done) => setTimeout(done, 10));
    await admin.query("commit");
    const [result] = await waiting;
    expect(result).toMatchObject({ outcome: UPDATED, employee: { employeeId: made?.employee?.employeeId, team: "B" } });
    expect(await roster()).toHaveLength(1);
  });
});

test("another tenant's employees with the same external ids are untouched", async () => {
  const other = await service.provision();
  await upsert({ employees: people(20, { team: "theirs" }) }, other);
  const before = await roster(other);
  expect(new Set(await outcomes({ employees: people(20, { team: "ours" }) }))).toEqual(new Set([CREATED]));
  expect(new Set(await outcomes({ employees: people(20, { team: "ours again" }) }))).toEqual(new Set([UPDATED]));
  expect(await roster(other)).toEqual(before);
  // The control: the comparison sees a change.
  await upsert({ employees: people(1, { team: "changed" }) }, other);
  expect(await roster(other)).not.toEqual(before);
});

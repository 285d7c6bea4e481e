import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { maxEmployees } from "../../src/employees/employee-limits.ts";
import type { Employee } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { as } from "../support/clients.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

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

type Client = TestService["clients"]["employees"];
const create = async (request: Parameters<Client["createEmployee"]>[0]): Promise<Employee> => {
  const { employee } = await service.clients.employees.createEmployee(request, admin);
  if (!employee) throw new Error("no employee was returned");
  return employee;
};
const get = async (employeeId: string): Promise<Employee | undefined> =>
  (await service.clients.employees.getEmployee({ key: { case: "employeeId", value: employeeId } }, admin)).employee;
const update = async (request: Parameters<Client["updateEmployee"]>[0]): Promise<Employee | undefined> =>
  (await service.clients.employees.updateEmployee(request, admin)).employee;
const remove = (employeeId: string, etag = "") => service.clients.employees.deleteEmployee({ employeeId, etag }, admin);

async function vault(): Promise<string> {
  const { rows } = await service.database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenant],
  );
  return rows[0]?.vault ?? "";
}

/** The counters as they are stored. */
async function counters(): Promise<Record<string, number>> {
  const { rows } = await service.database.admin.query<{ name: string; last_value: number }>(
    `select name, last_value from ${await vault()}.counters`,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.last_value]));
}

async function listAll(pageSize: number): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const page = await service.clients.employees.listEmployees({ pageSize, pageToken }, admin);
    ids.push(...page.employees.map((employee) => employee.externalId));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
}

describe("changes that meet", () => {
  test("an etag that is not the current one is refused and changes nothing", async () => {
    const first = await create({ employee: { externalId: "E-1", team: "one" } });
    const mask = { paths: ["team"] };
    const employeeId = first.employeeId;
    const second = await update({ employeeId, employee: { team: "two", etag: first.etag }, updateMask: mask });
    expect(second?.etag).not.toBe(first.etag);
    const stale = { employeeId, employee: { team: "three", etag: first.etag }, updateMask: mask };
    expect(await failureOf(update(stale))).toMatchObject({ code: "Aborted", reason: "ETAG_STALE" });
    expect(await failureOf(remove(employeeId, first.etag))).toMatchObject({ code: "Aborted", reason: "ETAG_STALE" });
    expect(await get(employeeId)).toEqual(second);
    await remove(employeeId, second?.etag);
  });

  test("of ten changes with the same etag at once exactly one is made", async () => {
    const { employeeId, etag } = await create({ employee: { externalId: "E-1" } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) =>
        update({ employeeId, employee: { team: `team ${n}`, etag }, updateMask: { paths: ["team"] } }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    expect((await get(employeeId))?.etag).toBe("r2");
  });

  test("of ten changes without an etag at once all are made, one after the other", async () => {
    const { employeeId } = await create({ employee: { externalId: "E-1" } });
    await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        update({ employeeId, employee: { team: `team ${n}` }, updateMask: { paths: ["team"] } }),
      ),
    );
    expect((await get(employeeId))?.etag).toBe("r11");
  });

  test("a change that changes nothing keeps etag and time", async () => {
    const before = await create({ employee: { externalId: "E-1", team: "same" } });
    const { employeeId } = before;
    expect(await update({ employeeId, employee: { team: "same" }, updateMask: { paths: ["team"] } })).toEqual(before);
    expect(await get(employeeId)).toEqual(before);
  });
});

describe("the mask", () => {
  const full = { externalId: "E-1", displayName: "Name", team: "Team", location: "Place", timeZone: "Europe/Berlin" };

  test("changes what it names and nothing else", async () => {
    const { employeeId } = await create({ employee: full });
    const sent = { externalId: "other", displayName: "", team: "New", location: "", timeZone: "UTC" };
    const changed = await update({ employeeId, employee: sent, updateMask: { paths: ["team", "display_name"] } });
    expect(changed).toMatchObject({ ...full, team: "New", displayName: "" });
    expect(await get(employeeId)).toEqual(changed);
  });

  test("left out, means every field", async () => {
    const { employeeId } = await create({ employee: full });
    const changed = await update({ employeeId, employee: { externalId: "E-2" } });
    expect(changed).toMatchObject({ externalId: "E-2", displayName: "", team: "", location: "", timeZone: "" });
  });

  test("decides which rules apply", async () => {
    const { employeeId } = await create({ employee: full });
    const bad = { externalId: "", displayName: "x".repeat(201), timeZone: "Nowhere/Land" };
    const paths = async (...names: string[]) =>
      (await failureOf(update({ employeeId, employee: bad, updateMask: { paths: names } }))).fields;
    expect(await paths("external_id")).toEqual(["employee.external_id"]);
    expect(await paths("display_name")).toEqual(["employee.display_name"]);
    expect(await paths("time_zone")).toEqual(["employee.time_zone"]);
    expect(await paths("employee_no")).toEqual(["update_mask"]);
    const changed = await update({ employeeId, employee: { ...bad, team: "fine" }, updateMask: { paths: ["team"] } });
    expect(changed?.team).toBe("fine");
  });
});

test("an update without an employee is refused and empties nothing", async () => {
  const { employeeId } = await create({ employee: { externalId: "E-1", team: "one" } });
  const failure = await failureOf(update({ employeeId, updateMask: { paths: ["team"] } }));
  expect(failure).toMatchObject({ code: "InvalidArgument", fields: ["employee"] });
  expect((await get(employeeId))?.team).toBe("one");
});

describe("creating again", () => {
  test("with the same request id returns the same employee and counts it once", async () => {
    const request = { employee: { externalId: "E-1", team: "one" }, requestId: randomUUID() };
    const first = await create(request);
    expect(await create({ ...request, requestId: request.requestId.toUpperCase() })).toEqual(first);
    expect(await counters()).toMatchObject({ employee: 1, active_employee: 1 });
  });

  test("with the same request id returns the employee also after it was changed", async () => {
    const request = { employee: { externalId: "E-1", team: "one" }, requestId: randomUUID() };
    const { employeeId } = await create(request);
    await update({ employeeId, employee: { team: "two" }, updateMask: { paths: ["team"] } });
    expect(await create(request)).toMatchObject({ employeeId, team: "two" });
  });

  test("with the same request id ten times at once creates one employee", async () => {
    const request = { employee: { externalId: "E-1" }, requestId: randomUUID() };
    const all = await Promise.all(Array.from({ length: 10 }, () => create(request)));
    expect(new Set(all.map((employee) => employee.employeeId)).size).toBe(1);
    expect(await counters()).toMatchObject({ employee: 1, active_employee: 1 });
  });

  test("with the same request id and other contents is REQUEST_ID_REUSED", async () => {
    const requestId = randomUUID();
    await create({ employee: { externalId: "E-1" }, requestId });
    for (const employee of [{ externalId: "E-2" }, { externalId: "E-1", team: "other" }]) {
      const failure = await failureOf(create({ employee, requestId }));
      expect(failure).toMatchObject({ code: "AlreadyExists", reason: "REQUEST_ID_REUSED" });
    }
    expect(await listAll(50)).toEqual(["E-1"]);
  });

  test("with a taken external id is RESOURCE_EXISTS, once more so at once, and uses no number up", async () => {
    await create({ employee: { externalId: "E-1" } });
    const failures = await Promise.all(
      Array.from({ length: 5 }, () => failureOf(create({ employee: { externalId: "E-1" } }))),
    );
    for (const failure of failures) {
      expect(failure).toMatchObject({
        code: "AlreadyExists",
        reason: "RESOURCE_EXISTS",
        resource: { type: "wellvault.v1.Employee", name: "E-1" },
      });
    }
    expect(await counters()).toMatchObject({ employee: 1, active_employee: 1 });
  });

  test("renaming to a taken external id is RESOURCE_EXISTS and changes nothing", async () => {
    await create({ employee: { externalId: "E-1" } });
    const other = await create({ employee: { externalId: "E-2" } });
    const failing = update({
      employeeId: other.employeeId,
      employee: { externalId: "E-1" },
      updateMask: { paths: ["external_id"] },
    });
    expect(await failureOf(failing)).toMatchObject({ code: "AlreadyExists", reason: "RESOURCE_EXISTS" });
    expect(await get(other.employeeId)).toEqual(other);
  });
});

describe("deleting", () => {
  test("frees the external id, and what was of the old employee stays unseen", async () => {
    const old = await create({ employee: { externalId: "E-1" } });
    const { employeeId } = old;
    await remove(employeeId);
    for (const call of [() => get(employeeId), () => remove(employeeId), () => update({ employeeId, employee: {} })]) {
      expect(await failureOf(call())).toMatchObject({ code: "NotFound", reason: "RESOURCE_NOT_FOUND" });
    }
    const fresh = await create({ employee: { externalId: "E-1" } });
    expect(fresh.employeeId).not.toBe(old.employeeId);
    expect(await listAll(50)).toEqual(["E-1"]);
    expect(await counters()).toMatchObject({ employee: 2, active_employee: 1 });
  });

  test("of the same employee ten times at once counts once", async () => {
    const { employeeId } = await create({ employee: { externalId: "E-1" } });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => remove(employeeId)));
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    expect(await counters()).toMatchObject({ active_employee: 0 });
  });

  test("and creating under the same external id at once never deadlocks and keeps the count", async () => {
    const before = await countDeadlocks(service.database.admin);
    let wanted = await Promise.all(Array.from({ length: 4 }, (_, n) => create({ employee: { externalId: `E-${n}` } })));
    const createWhenFree = async (externalId: string): Promise<Employee> => {
      for (let tries = 0; tries < 100; tries++) {
        const failing = create({ employee: { externalId } });
        const made = await failing.catch(async () => {
          // The new one collides with the old one until that is gone.
          expect((await failureOf(failing)).reason).toBe("RESOURCE_EXISTS");
        });
        if (made) return made;
      }
      throw new Error("the external id never became free");
    };
    for (let round = 0; round < 12; round++) {
      const old = wanted;
      const [made] = await Promise.all([
        Promise.all(old.map(({ externalId }) => createWhenFree(externalId))),
        Promise.all(old.map(({ employeeId }) => remove(employeeId))),
      ]);
      wanted = made;
    }
    expect(await counters()).toMatchObject({ active_employee: 4 });
    expect(await countDeadlocks(service.database.admin)).toBe(before);
  });
});

describe("the limit of employees", () => {
  test("turns away the one too many, and a deletion makes room", async () => {
    const { employeeId } = await create({ employee: { externalId: "E-1" } });
    const set = "update {}.counters set last_value = $1 where name = 'active_employee'";
    await service.database.admin.query(set.replace("{}", await vault()), [maxEmployees - 1]);
    await create({ employee: { externalId: "E-2" } });
    const failure = await failureOf(create({ employee: { externalId: "E-3" } }));
    expect(failure).toMatchObject({
      code: "ResourceExhausted",
      reason: "LIMIT_REACHED",
      metadata: { limit: "employees", maximum: String(maxEmployees) },
    });
    await remove(employeeId);
    await create({ employee: { externalId: "E-3" } });
    expect(await listAll(50)).toEqual(["E-2", "E-3"]);
  });
});

describe("listing", () => {
  test("returns every employee exactly once for any page size, and none that is deleted", async () => {
    const wanted = Array.from({ length: 23 }, (_, n) => `E-${n}`);
    const made: Employee[] = [];
    for (const externalId of wanted) made.push(await create({ employee: { externalId } }));
    for (const pageSize of [1, 5, 23, 24]) expect(await listAll(pageSize)).toEqual(wanted);
    await remove(made[4]?.employeeId ?? "");
    await remove(made[22]?.employeeId ?? "");
    const left = wanted.filter((_, n) => n !== 4 && n !== 22);
    for (const pageSize of [1, 4, 5, 21]) expect(await listAll(pageSize)).toEqual(left);
  });

  test("goes on where it was when the employee at the page's end is deleted meanwhile", async () => {
    const made: Employee[] = [];
    for (const n of [1, 2, 3, 4]) made.push(await create({ employee: { externalId: `E-${n}` } }));
    const first = await service.clients.employees.listEmployees({ pageSize: 2 }, admin);
    await remove(made[1]?.employeeId ?? "");
    const second = await service.clients.employees.listEmployees(
      { pageSize: 2, pageToken: first.nextPageToken },
      admin,
    );
    expect(second.employees.map((employee) => employee.externalId)).toEqual(["E-3", "E-4"]);
    expect(second.nextPageToken).toBe("");
  });
});

test("text is kept to the letter", async () => {
  const odd = [
    "'; drop table employees; --",
    "\u202Eright to left",
    "zero\u200Bwidth",
    "é ≠ é",
    "🧘🏽‍♀️",
    "\\",
    "  ",
    "%_",
    "$1",
  ];
  for (const [n, text] of odd.entries()) {
    const made = await create({ employee: { externalId: `${n}${text}`, displayName: text, team: text } });
    expect(await get(made.employeeId)).toMatchObject({ externalId: `${n}${text}`, displayName: text, team: text });
    const { employee } = await service.clients.employees.getEmployee(
      { key: { case: "externalId", value: `${n}${text}` } },
      admin,
    );
    expect(employee).toEqual(made);
  }
});

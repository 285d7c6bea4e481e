import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { letObserve } from "../support/observe.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
let tenant: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(2);
  await letObserve(plane.database.admin);
  tenant = await plane.provision("company");
});
afterAll(() => plane.close());

const raise = (state: string) => statement<[], never>(`do $$ begin raise sqlstate '${state}'; end $$`);
const insert = statement<[employeeNo: number, employeeId: string, externalId: string], never>(
  "insert into employees (employee_no, employee_id, external_id) values ($1, $2, $3)",
);
const count = statement<[externalId: string], { count: number }>(
  "select count(*)::integer as count from employees where external_id = $1",
);
const backend = statement<[], { pid: number }>("select pg_backend_pid() as pid");
let employeeNo = 0;

async function stored(externalId: string): Promise<number> {
  const [row] = await plane.open(tenant).query(count, [externalId]);
  return row?.count ?? -1;
}

describe("a transaction that the database asks to repeat", () => {
  test.each(["40001", "40P01", "55P03", "0A000", "57014"])(
    "%s: runs again from its start and is done once",
    async (state) => {
      let runs = 0;
      await plane.open(tenant).transaction(async (transaction) => {
        runs++;
        await transaction.query(insert, [++employeeNo, randomUUID(), state]);
        if (runs < 3) await transaction.query(raise(state), []);
      });
      expect(runs).toBe(3);
      expect(await stored(state)).toBe(1);
    },
  );

  test("runs three times at most, then asks the caller to repeat, and leaves nothing", async () => {
    let runs = 0;
    const failing = plane.open(tenant).transaction(async (transaction) => {
      runs++;
      await transaction.query(insert, [++employeeNo, randomUUID(), "never"]);
      await transaction.query(raise("40001"), []);
    });
    await expect(failing).rejects.toMatchObject({ code: Code.Aborted, reason: ErrorReason.CONFLICT });
    expect(runs).toBe(3);
    expect(await stored("never")).toBe(0);
  });

  test("keeps no entity of the run before", async () => {
    let runs = 0;
    await plane.open(tenant).transaction(async (transaction) => {
      runs++;
      const now = new Date();
      const row = { employeeNo: ++employeeNo, employeeId: randomUUID(), externalId: "by entity" };
      transaction.em.persist(transaction.em.create(EmployeeEntity, { ...row, createTime: now, updateTime: now }));
      await transaction.em.flush();
      if (runs === 1) await transaction.query(raise("40001"), []);
    });
    expect(await stored("by entity")).toBe(1);
  });
});

describe("a transaction that fails for good", () => {
  test.each([
    ["a rule of the table", "23514", { code: Code.InvalidArgument, reason: ErrorReason.FIELD_INVALID }],
    ["no room", "53100", { code: Code.ResourceExhausted, reason: ErrorReason.OVERLOADED }],
    ["a standby", "25006", { code: Code.Unavailable, reason: ErrorReason.DATABASE_UNAVAILABLE }],
    ["a time limit", "25P04", { code: Code.DeadlineExceeded, reason: ErrorReason.DEADLINE_EXCEEDED }],
    ["a server that shuts down", "57P01", { code: Code.Unavailable, reason: ErrorReason.DATABASE_UNAVAILABLE }],
  ])("by %s (%s) runs once and says why", async (_, state, told) => {
    let runs = 0;
    const failing = plane.open(tenant).transaction(async (transaction) => {
      runs++;
      await transaction.query(raise(state), []);
    });
    await expect(failing).rejects.toMatchObject(told);
    expect(runs).toBe(1);
  });

  test("by something a caller cannot cause, such as a missing right, is passed on as the defect it is", async () => {
    const failing = plane.open(tenant).query(raise("42501"), []);
    await expect(failing).rejects.not.toHaveProperty("reason");
  });

  test("by an error of the catalogue passes it on and leaves nothing", async () => {
    const error = errors.limitReached("employees", 1);
    const failing = plane.open(tenant).transaction(async (transaction) => {
      await transaction.query(insert, [++employeeNo, randomUUID(), "limited"]);
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(await stored("limited")).toBe(0);
  });
});

test("a connection lost before the commit is UNAVAILABLE; lost at the commit, nobody knows", async () => {
  const losing = (at: "work" | "commit") =>
    plane.open(tenant).transaction(async (transaction) => {
      const [row] = await transaction.query(backend, []);
      await plane.database.admin.query("select pg_terminate_backend($1, 5000)", [row?.pid]);
      if (at === "work") await transaction.query(backend, []);
    });
  await expect(losing("work")).rejects.toMatchObject({ code: Code.Unavailable });
  await expect(losing("commit")).rejects.toMatchObject({ code: Code.Unknown, reason: ErrorReason.COMMIT_UNKNOWN });
  expect(await plane.sessions.ping()).toBe(true);
});

test("a call that is over before it begins touches nothing", async () => {
  const abort = new AbortController();
  abort.abort(errors.deadlineExceeded());
  const session = plane.open(tenant, abort.signal);
  await expect(session.query(insert, [++employeeNo, randomUUID(), "too late"])).rejects.toMatchObject({
    code: Code.DeadlineExceeded,
  });
  expect(await stored("too late")).toBe(0);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { allotEmployeeNo } from "../../src/employees/statements/allot-employee-no.ts";
import { countEmployeeOut } from "../../src/employees/statements/count-employee-out.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
beforeAll(async () => {
  plane = await openPinnedPlane(10);
});
afterAll(() => plane.close());

const counters = statement<[], { name: string; last_value: number }>("select name, last_value from counters");

test("numbers given out, taken back and undone at once are never the same twice and never deadlock", async () => {
  const tenant = await plane.provision("company");
  const given: number[] = [];
  let active = 0;
  const worker = async (n: number): Promise<void> => {
    const session = plane.open(tenant);
    for (let round = 0; round < 120; round++) {
      const undone = round % 3 === 0;
      const done = session.transaction(async (transaction) => {
        if (n < 3) await transaction.query(countEmployeeOut, []);
        const rows = n < 3 ? [] : await transaction.query(allotEmployeeNo, []);
        if (undone) throw new Error("undone");
        return rows.find((row) => row.name === "employee")?.last_value;
      });
      if (undone) {
        await expect(done).rejects.toThrow("undone");
        continue;
      }
      const number = await done;
      active += number === undefined ? -1 : 1;
      if (number !== undefined) given.push(number);
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, n) => worker(n)));

  expect(new Set(given).size).toBe(given.length);
  const stored = await plane.open(tenant).query(counters, []);
  expect(Object.fromEntries(stored.map((row) => [row.name, row.last_value]))).toEqual({
    employee: given.length,
    active_employee: active,
    sample_source: 0,
  });
  expect(await countDeadlocks(plane.database.admin)).toBe(0);
});

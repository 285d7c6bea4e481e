import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { logOptions } from "../../src/telemetry/log.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
let tenant: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(1);
  tenant = await plane.provision("company");
});
afterAll(() => plane.close());

/** The line that a log of the service writes for an error. */
function logged(error: unknown): string {
  const lines: string[] = [];
  pino({ ...logOptions, level: "error" }, { write: (line: string) => void lines.push(line) }).error(
    { err: error },
    "x",
  );
  return lines.join("");
}

test.each([
  ["a missing table", `select 'secret-value' from nowhere`, "42P01"],
  ["a value that is no number", `select 'secret-value'::integer`, "22P02"],
  ["a unique key", `insert into counters (name) values ('secret-value'), ('secret-value')`, "42501"],
  [
    "a rule of the table",
    `insert into employees (employee_no, employee_id, external_id, team) values (1, '0b9f2f0e-5a3c-4d8e-9c55-3f1f6f0c7a01', 'x', repeat('secret-value', 99))`,
    "23514",
  ],
])("%s: neither SQL nor a value nor the vault's name is in the log, the SQLSTATE is", async (_, sql, state) => {
  const caught = async (run: Promise<unknown>) =>
    run.then(
      () => expect.fail("it succeeded"),
      (error: unknown) => error,
    );
  const { em } = plane.open(tenant);
  for (const error of [
    await caught(plane.open(tenant).query(statement<[], never>(sql), [])),
    await caught(em.execute(sql)),
  ]) {
    const cause = (error as Error).cause ?? error;
    const line = logged(error);
    expect(line).not.toMatch(/secret-value|select|insert|v_[0-9a-f]{16}|employees \(/i);
    if (!(error as { reason?: unknown }).reason) expect(line).toContain(`"${state}"`);
    // The control: the errors themselves hold what must not be told.
    expect(String((cause as Error).message) + JSON.stringify(cause)).toMatch(
      /secret-value|nowhere|vault|v_[0-9a-f]{16}|counters/,
    );
  }
});

test("a defect is told with where it happened, and without what stands in quotes", () => {
  const error = new TypeError(`cannot read "secret-value" of 'undefined' in v_0123456789abcdef`, {
    cause: new Error("connection `secret-value` lost"),
  });
  const line = logged(error);
  expect(JSON.parse(line)).toMatchObject({
    err: {
      type: "TypeError",
      message: "cannot read '...' of '...' in v_...",
      stack: expect.stringContaining("error-for-log.test.ts"),
      cause: { type: "Error", message: "connection '...' lost" },
    },
  });
  expect(line).not.toContain("secret-value");
});

test("what is thrown and is no error is told by its kind only", () => {
  expect(JSON.parse(logged("secret-value"))).toMatchObject({ err: { type: "string" } });
});

test("a time limit of the platform is told in words", () => {
  expect(
    JSON.parse(logged(new DOMException("The operation was aborted due to timeout", "TimeoutError"))),
  ).toMatchObject({
    err: { type: "TimeoutError", message: "The operation was aborted due to timeout" },
  });
});

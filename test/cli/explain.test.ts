import pg from "pg";
import { expect, test } from "vitest";
import { explain } from "../../src/cli/explain.ts";
import { ConfigError } from "../../src/config.ts";
import { FolderInUseError } from "../../src/database/folder-lock.ts";
import { createTestDatabase } from "../support/database.ts";
import { runProgram } from "../support/process.ts";

test("a start on a database that is used for something else says so, with the way out", {
  timeout: 60_000,
}, async () => {
  const database = await createTestDatabase();
  try {
    await database.admin.query("create table public.invoices (id integer)");
    const program = runProgram("src/main.ts", {
      DATABASE_URL: database.url,
      WELLVAULT_PORT: "0",
      WELLVAULT_IDENTITY: "development",
    });
    expect(await program.exit).toBe(1);
    expect(program.output()).toMatch(
      /schema "public" of this database is in use\s+Give Wellvault a database of its own/,
    );
    expect(program.output()).not.toMatch(/\bat .*\.ts:\d+/);
  } finally {
    await database.drop();
  }
});

test.each([
  ["28P01", /refused the user or password/],
  ["3D000", /does not exist\. Create it first/],
  ["42501", /must be a superuser, or own the database/],
  ["ECONNREFUSED", /cannot be reached/],
  ["EADDRINUSE", /WELLVAULT_PORT/],
])("an error with the code %s is explained", (code, expected) => {
  const error = Object.assign(new pg.DatabaseError("no", 2, "error"), { code });
  expect(explain(error)).toMatch(expected);
});

test("what is known is told in words alone, what is not with where it came from", () => {
  expect(explain(new ConfigError("WELLVAULT_PORT must be a whole number."))).toBe(
    "WELLVAULT_PORT must be a whole number.",
  );
  expect(explain(new FolderInUseError("data", 7, undefined))).toMatch(/already running here: .* process 7/);
  expect(explain(new Error("odd"))).toMatch(/odd[\s\S]*explain\.test/);
});

import { expect, test } from "vitest";
import { findViolations, importsOf, readImports } from "../../tools/check-imports.ts";

const src = "/src";
const check = (files: Record<string, string>) =>
  findViolations(Object.entries(files).flatMap(([file, text]) => importsOf(src, file, text)));

test("the source tree keeps the rules, and is really read", () => {
  const imports = readImports(new URL("../../src", import.meta.url).pathname);
  expect(imports.length).toBeGreaterThan(200);
  expect(findViolations(imports)).toEqual([]);
});

test("an import from a layer above is found, of values and of types", () => {
  expect(check({ "database/a.ts": 'import { x } from "../rpc/server.ts";' })).toEqual([
    "src/database/a.ts:1: imports rpc/server, which is a layer above. Move what both need down.",
  ]);
  expect(check({ "tenancy/a.ts": 'import type { X } from "../identity/principal.ts";' })).toHaveLength(1);
  expect(check({ "rpc/a.ts": 'import { x } from "../tenancy/directory.ts";' })).toEqual([]);
});

test("a circle is found, also over several files, but not one of types alone", () => {
  const circle = {
    "rpc/a.ts": 'import { b } from "./b.ts";',
    "rpc/b.ts": 'import {\n  c,\n} from "./c.ts";',
    "rpc/c.ts": 'import { a } from "./a.ts";',
  };
  expect(check(circle)).toEqual([expect.stringContaining("rpc/a -> rpc/b -> rpc/c -> rpc/a")]);
  expect(check({ ...circle, "rpc/c.ts": 'import type { a } from "./a.ts";' })).toEqual([]);
});

test.each([
  ["the ORM's set-up", 'import { openOrm } from "../database/orm.ts";'],
  ["the ORM itself", 'import { MikroORM } from "@mikro-orm/postgresql";'],
  ["the ORM under its other name", 'import { MikroORM } from "@mikro-orm/core";'],
  ["the driver", 'import pg from "pg";'],
  ["the driver, later", 'const pg = await import("pg");'],
  ["the driver, passed on", 'export { Pool } from "pg";'],
  ["the query builder", 'import { Kysely } from "kysely";'],
  ["the control plane's pool", 'import { openControlStore } from "../tenancy/control-store.ts";'],
])("a handler that reaches for %s is found", (_, line) => {
  expect(check({ "employees/evil.ts": line })).toHaveLength(1);
});

test("a handler gets declarations of the ORM and nothing that opens a connection", () => {
  expect(check({ "employees/employee-handlers.ts": 'import { LockMode } from "@mikro-orm/postgresql";' })).toEqual([]);
  expect(
    check({ "employees/employee-handlers.ts": 'import { LockMode, MikroORM } from "@mikro-orm/postgresql";' }),
  ).toEqual([expect.stringContaining("may not import MikroORM")]);
  expect(check({ "employees/employee-handlers.ts": 'import * as orm from "@mikro-orm/postgresql";' })).toHaveLength(1);
});

test("a file that belongs to no layer is found", () => {
  expect(check({ "helpers/a.ts": 'import { x } from "../errors.ts";' })).toEqual([
    expect.stringContaining("belongs to no layer"),
  ]);
});

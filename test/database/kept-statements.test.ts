import type { FieldDef } from "pg";
import { expect, test } from "vitest";
import { KeptStatements } from "../../src/database/kept-statements.ts";

test("a statement has one name a vault, which no other connection uses and nobody can guess", () => {
  const [one, other] = [new KeptStatements(), new KeptStatements()];
  const name = one.statementOf("v_1", "select 1").name;
  expect(one.statementOf("v_1", "select 1").name).toBe(name);
  const others = [
    one.statementOf("v_2", "select 1").name,
    one.statementOf("v_1", "select 2").name,
    other.statementOf("v_1", "select 1").name,
  ];
  expect(new Set([name, ...others]).size).toBe(4);
  for (const each of [name, ...others]) expect(each).toMatch(/^[0-9a-f]{32}_\d+$/);
  // PostgreSQL cuts a name off after 63 bytes.
  expect(name.length).toBeLessThan(50);
});

test("of more vaults than a connection keeps, those are let go that were used longest ago", () => {
  const kept = new KeptStatements(2);
  const names = ["v_1", "v_2"].map((vault) => [
    kept.statementOf(vault, "one").name,
    kept.statementOf(vault, "two").name,
  ]);
  expect(kept.takeClosing()).toEqual([]);
  kept.statementOf("v_1", "one").name;
  kept.statementOf("v_3", "one").name;
  expect(kept.takeClosing()).toEqual(names[1]);
  expect(kept.takeClosing()).toEqual([]);
  expect(names.flat()).not.toContain(kept.statementOf("v_2", "one").name);
});

test("one shape is held for all statements whose columns have the same names and types", () => {
  const kept = new KeptStatements();
  const shapeOf = (name: string, dataTypeID: number) => ({
    fields: [{ name, dataTypeID } as FieldDef],
    parsers: [],
    blank: {},
  });
  const [first, second, other, changed] = ["v_1", "v_2", "v_3", "v_4"].map((vault) => kept.statementOf(vault, "one"));
  if (!first || !second || !other || !changed) throw new Error("a statement is missing");
  kept.describe(first, shapeOf("a", 23));
  kept.describe(second, shapeOf("a", 23));
  kept.describe(other, shapeOf("b", 23));
  kept.describe(changed, shapeOf("a", 20));
  expect(second.shape).toBe(first.shape);
  expect(new Set([first.shape, other.shape, changed.shape]).size).toBe(3);
  expect(changed.shape?.fields[0]?.dataTypeID).toBe(20);
});

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

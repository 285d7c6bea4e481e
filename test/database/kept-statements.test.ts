import { expect, test } from "vitest";
import { KeptStatements } from "../../src/database/kept-statements.ts";

test("a statement has one name a vault, which no other connection uses and nobody can guess", () => {
  const [one, other] = [new KeptStatements(), new KeptStatements()];
  const name = one.nameOf("v_1", "select 1");
  expect(one.nameOf("v_1", "select 1")).toBe(name);
  const others = [one.nameOf("v_2", "select 1"), one.nameOf("v_1", "select 2"), other.nameOf("v_1", "select 1")];
  expect(new Set([name, ...others]).size).toBe(4);
  for (const each of [name, ...others]) expect(each).toMatch(/^[0-9a-f]{32}_\d+$/);
  // PostgreSQL cuts a name off after 63 bytes.
  expect(name.length).toBeLessThan(50);
});

test("of more vaults than a connection keeps, those are let go that were used longest ago", () => {
  const kept = new KeptStatements(2);
  const names = ["v_1", "v_2"].map((vault) => [kept.nameOf(vault, "one"), kept.nameOf(vault, "two")]);
  expect(kept.takeClosing()).toEqual([]);
  kept.nameOf("v_1", "one");
  kept.nameOf("v_3", "one");
  expect(kept.takeClosing()).toEqual(names[1]);
  expect(kept.takeClosing()).toEqual([]);
  expect(names.flat()).not.toContain(kept.nameOf("v_2", "one"));
});

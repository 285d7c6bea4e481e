import { glob } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { statementCases } from "../../bench/statements/cases.ts";
import { buffersIn, isNear, readStatements } from "../../bench/statements/comments.ts";
import type { StatementWorld } from "../../bench/statements/world.ts";
import type { Statement } from "../../src/database/statement.ts";

const source = join(import.meta.dirname, "../../src");

/** The statements that modules below `src` export: with a text and a note of whether it is kept. */
async function exportedStatements(): Promise<string[]> {
  const names: string[] = [];
  for await (const file of glob("*/statements/*.ts", { cwd: source })) {
    const exported = Object.entries(
      (await import(join(source, file))) as Record<string, Partial<Statement<[], unknown>>>,
    );
    names.push(...exported.filter(([, value]) => value?.isKept !== undefined).map(([name]) => name));
  }
  return names.sort();
}

test("every statement is measured and has a comment with what it reads", async () => {
  const world = { employeeIds: ["one", "two"], tenantId: "tenant" } as unknown as StatementWorld;
  const measured = new Set(statementCases(world).map(({ name }) => name));
  const exported = await exportedStatements();
  expect(exported.length).toBeGreaterThan(30);
  expect([...measured].sort()).toEqual(exported);
  const declared = await readStatements();
  expect(declared.map(({ name }) => name).sort()).toEqual(exported);
  const silent = declared
    .filter(({ comment }) => buffersIn(comment).length === 0)
    .map(({ file, name }) => `${file}: ${name}`);
  expect(silent).toEqual([]);
});

test("a comment's figures are found, and told from what was read", () => {
  expect(buffersIn("1 buffer for one of 20 rows, 1,040 buffers for many.")).toEqual([1, 1_040]);
  expect(buffersIn("An index of three columns.")).toEqual([]);
  expect(isNear(3, 3)).toBe(true);
  expect(isNear(3, 4)).toBe(false);
  expect(isNear(1_040, 1_000)).toBe(true);
  expect(isNear(1_040, 900)).toBe(false);
});

import { glob } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { statementCases } from "../../bench/statements/cases.ts";
import { readStatements, saysBuffers } from "../../bench/statements/comments.ts";
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
    .filter(({ comment }) => !/\d buffers?\b/.test(comment))
    .map(({ file, name }) => `${file}: ${name}`);
  expect(silent).toEqual([]);
});

test("a comment that says something else than what was read is found", () => {
  expect(saysBuffers("A look-up, 3 buffers.", 3)).toBe(true);
  expect(saysBuffers("A look-up, 3 buffers.", 4)).toBe(false);
  expect(saysBuffers("1 buffer for one, 1,040 buffers for many.", 1_000)).toBe(true);
  expect(saysBuffers("1 buffer for one, 1,040 buffers for many.", 900)).toBe(false);
  expect(saysBuffers("An index of three columns.", 3)).toBe(false);
});

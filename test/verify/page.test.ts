import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allChecks } from "../../src/verify/all-checks.ts";
import { verifyPage, verifyPageFile } from "../../tools/verify-docs.ts";

test("docs/verify.md tells of every check", () => {
  expect(readFileSync(verifyPageFile, "utf8"), "run: node tools/verify-docs.ts").toBe(verifyPage());
});

test("every check has a name of its own, and says what to do", () => {
  expect(new Set(allChecks.map(({ id }) => id)).size).toBe(allChecks.length);
  for (const { id, title, remedy } of allChecks) {
    expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title.length).toBeLessThanOrEqual(200);
    expect(remedy.length).toBeLessThanOrEqual(1_000);
    expect(remedy).toMatch(/\.$/);
  }
});

import { expect, test } from "vitest";
import { attackIds } from "./support/catalogue.ts";
import type { AttackRecord } from "./support/record.ts";
import { type Finished, makeReport } from "./support/report.ts";
import { drawReport } from "./support/table.ts";

/** A test that has come to its end. */
function finished(record: Partial<AttackRecord>, more: Partial<Finished> = {}): Finished {
  const whole: AttackRecord = { kind: "attack", id: "E01", title: "t", expected: "42501", met: ["42501"], ...record };
  return { record: whole, passed: true, error: undefined, file: "f.test.ts", durationMs: 1, ...more };
}

test("an attack that no test made is not run, whatever the others came to", () => {
  const report = makeReport(attackIds.filter((id) => id !== "S30").map((id) => finished({ id })));
  expect(report).toMatchObject({ held: attackIds.length - 1, failed: 0, notRun: 1 });
  expect(report.attacks.find(({ id }) => id === "S30")?.verdict).toBe("NOT RUN");
  expect(drawReport(report, 1, "PostgreSQL")).toMatch(/^S30 .*NOT RUN$/m);
});

test("an attack holds when its test passed, and not when it failed or made no attempt", () => {
  const verdict = (one: Finished) => makeReport([one]).attacks.find(({ id }) => id === "E01")?.verdict;
  expect(verdict(finished({}))).toBe("held");
  expect(verdict(finished({}, { passed: false, error: "no" }))).toBe("FAILED");
  expect(verdict(finished({ met: [] }))).toBe("FAILED");
});

test("a control does not stand in for its attack", () => {
  const report = makeReport([finished({ kind: "control" }), finished({ kind: "half" })]);
  expect(report.attacks.find(({ id }) => id === "E01")?.verdict).toBe("NOT RUN");
  expect(report.controls.map(({ verdict }) => verdict)).toEqual(["works without", "held"]);
});

test("an attack made twice has two lines, and one failure shows", () => {
  const report = makeReport([finished({}), finished({}, { passed: false, error: "because" })]);
  expect(report.attacks.filter(({ id }) => id === "E01").map(({ verdict }) => verdict)).toEqual(["held", "FAILED"]);
  expect(report.failed).toBe(1);
  expect(drawReport(report, 1, "PostgreSQL")).toContain("because");
});

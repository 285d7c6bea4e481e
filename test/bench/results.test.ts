import { expect, test } from "vitest";
import { drawTenants } from "../../bench/load/picks.ts";
import type { TurnFigures } from "../../bench/measure/measure-turn.ts";
import { problemsOf } from "../../bench/measure/measure-turn.ts";
import { readOptions, UsageError } from "../../bench/options.ts";
import { defaultPlan, fullPlan, isReference, nameOf } from "../../bench/plan.ts";
import { drawCharts } from "../../bench/report/charts.ts";
import { targetsOf } from "../../bench/report/targets.ts";
import { type CellResult, summarize } from "../../bench/results.ts";

const turn = (throughput: number): TurnFigures => ({
  ...{ succeeded: 1, throughput, p50: 1, p99: 2, serverCpuUs: 1e6 / throughput, databaseCpuUs: 1, loadCpuUs: 1 },
  ...{ memoryMb: 100, problems: [] },
});

const reference = defaultPlan.filter(isReference);

function cells(ours: readonly number[], isolated: readonly number[]): CellResult[] {
  const turns = new Map([
    ["ours", ours.map(turn)],
    ["isolated", isolated.map(turn)],
  ] as const);
  return reference.map((cell) => summarize(cell, turns));
}

test("a ratio is the median of the rounds' ratios, not the ratio of medians", () => {
  // The machine was three times as fast in the last round.
  const [cell] = cells([200, 220, 900], [100, 100, 300]);
  expect(cell?.contestants[1]?.ours.throughput).toBe(2.2);
  expect(cell?.contestants[0]?.throughput).toBe(220);
});

test("targets are met, missed and not measured", () => {
  const verdicts = (results: CellResult[]) => targetsOf(results).map(({ met }) => met);
  expect(verdicts(cells([300], [100]))).toEqual([true, false, false, true, true, true]);
  expect(verdicts(cells([200], [100]))).toEqual([false, false, false, false, false, true]);
  expect(targetsOf([]).map(({ measured }) => measured)).toEqual(Array(6).fill(Number.NaN));
});

test("a part of a batch, a call too many and no call at all are problems", () => {
  const work = { failures: {}, seconds: 1, p50: 1, p99: 1, loadCpuUs: 1 };
  expect(problemsOf({ ...work, succeeded: 5, stored: 5 })).toEqual([]);
  expect(problemsOf({ ...work, succeeded: 5, stored: 4.999 })).toHaveLength(1);
  expect(problemsOf({ ...work, succeeded: 5, stored: 6 })).toHaveLength(1);
  expect(problemsOf({ ...work, succeeded: 0, stored: 0 })).toEqual(["no call succeeded"]);
});

test("the plans hold each operation's reference cell once, and no cell twice", () => {
  expect(reference.map(({ operation }) => operation)).toEqual(["write", "read", "batch"]);
  for (const plan of [defaultPlan, fullPlan]) expect(new Set(plan.map(nameOf)).size).toBe(plan.length);
});

test("options beyond their bounds are refused, and cells are chosen by parts of their names", () => {
  for (const args of [["--rounds", "0"], ["--rounds", "1.5"], ["--seconds", "61"], ["--only", "nothing"], ["--fast"]]) {
    expect(() => readOptions(args), args.join(" ")).toThrow(UsageError);
  }
  for (const vaults of ["19", "20001", "many"]) {
    expect(() => readOptions(["--scale", "--vaults", vaults])).toThrow(UsageError);
  }
  expect(readOptions(["--only", "read-16,zipf"])).toMatchObject({
    cells: [expect.objectContaining({ operation: "read" }), expect.objectContaining({ spread: "zipf" })],
    keep: false,
  });
  expect(readOptions([])).toMatchObject({ keep: true, vaults: 0 });
});

test("tenants are drawn all alike, or by Zipf's law", () => {
  const counts = (spread: "uniform" | "zipf") => {
    const draw = drawTenants(200, spread);
    const found = Array<number>(200).fill(0);
    for (let n = 0; n < 50_000; n++) {
      const tenant = draw();
      found[tenant] = (found[tenant] ?? 0) + 1;
    }
    return found;
  };
  const [uniform, zipf] = [counts("uniform"), counts("zipf")];
  expect(Math.min(...uniform)).toBeGreaterThan(100);
  expect(Math.max(...uniform)).toBeLessThan(500);
  expect(zipf[0]).toBeGreaterThan(6_000);
  expect(zipf[0]).toBeGreaterThan((zipf[99] ?? 0) * 20);
});

test("the charts show every contestant and no markup of others", () => {
  const machine = { processor: "<b>&", cores: 2, memoryGb: 8, system: "", versions: { postgresql: "18" } };
  const run = { date: "2026-01-01", commit: "", machine, seconds: 1, rounds: 1 };
  const results = { ...run, targets: [], crossChecks: [], problems: [] };
  const charts = drawCharts({ ...results, cells: cells([1_234], [100]) });
  for (const svg of Object.values(charts)) {
    expect(svg).toContain("Wellvault");
    expect(svg).toContain("grpc-js + pg, isolated");
    expect(svg).not.toMatch(/<b>|NaN|undefined/);
  }
  expect(charts["throughput"]).toContain(">1,234<");
});

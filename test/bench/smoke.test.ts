import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { titles } from "../../bench/contestants/contestant.ts";
import { hasPgbench } from "../../bench/contestants/pgbench.ts";
import type { Results } from "../../bench/results.ts";
import { root, runProgram } from "../support/process.ts";

const run = promisify(execFile);

test("a smoke of the benchmark: every contestant does every operation, and every call is accounted for", {
  timeout: 240_000,
}, async () => {
  const { stdout, stderr } = await run(process.execPath, ["bench/main.ts", "--smoke", "--json"], { cwd: root });
  const { cells, problems } = JSON.parse(stdout) as Results;
  expect(problems).toEqual([]);
  expect(cells.map(({ cell }) => cell.operation)).toEqual(["write", "read", "batch"]);
  const names = Object.keys(titles).filter((name) => name !== "pgbench");
  if (await hasPgbench()) names.push("pgbench");
  for (const { contestants } of cells) {
    expect(contestants.map(({ name }) => name)).toEqual(names);
    for (const { calls, throughput } of contestants) {
      expect(calls).toBeGreaterThan(0);
      expect(throughput).toBeGreaterThan(0);
    }
  }
  expect(stderr).toContain("targets");
});

test("the benchmark refuses what it does not know", async () => {
  const program = runProgram("bench/main.ts", {}, ["--smok"]);
  expect(await program.exit).toBe(2);
  expect(program.output()).toContain("--help lists the options");
});

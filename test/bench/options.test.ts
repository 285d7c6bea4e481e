import { expect, test } from "vitest";
import { readOptions } from "../../bench/options.ts";
import { runProgram } from "../support/process.ts";

// Whether every contestant works is seen by `npm run bench -- --smoke`, which the checks of a change run beside the tests.
test("the benchmark refuses what it does not know", async () => {
  const program = runProgram("bench/main.ts", {}, ["--smok"]);
  expect(await program.exit).toBe(2);
  expect(program.output()).toContain("--help lists the options");
});

test.each<[args: string[], crossCheck: boolean, keep: boolean]>([
  [[], true, true],
  [["--full"], true, true],
  [["--full", "--no-write"], true, false],
  [["--smoke"], false, false],
  [["--only", "write"], false, false],
  [["--smoke", "--cross-check"], true, false],
])("a whole plan is written down and its load checked: %j", (args, crossCheck, keep) => {
  expect(readOptions(args)).toMatchObject({ crossCheck, keep });
});

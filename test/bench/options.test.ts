import { expect, test } from "vitest";
import { runProgram } from "../support/process.ts";

// Whether every contestant works is seen by `npm run bench -- --smoke`, which the checks of a change run beside the tests.
test("the benchmark refuses what it does not know", async () => {
  const program = runProgram("bench/main.ts", {}, ["--smok"]);
  expect(await program.exit).toBe(2);
  expect(program.output()).toContain("--help lists the options");
});

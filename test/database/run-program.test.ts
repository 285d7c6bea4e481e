import { expect, test } from "vitest";
import { programEnv } from "../../src/database/run-program.ts";

test("PostgreSQL does not get the settings that are for Node's memory", () => {
  const given = {
    PATH: "/bin",
    LC_ALL: "tr_TR",
    MALLOC_ARENA_MAX: "2",
    MALLOC_MMAP_THRESHOLD_: "131072",
    NODE_COMPILE_CACHE: "cache",
    NODE_OPTIONS: "--inspect",
    PGSSLMODE: "disable",
  };
  expect(programEnv(given)).toEqual({ PATH: "/bin", LC_ALL: "C", PGSSLMODE: "disable" });
});

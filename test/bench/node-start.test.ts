import { expect, test } from "vitest";
import { nodeStartOf } from "../../bench/node-start.ts";

test("what is measured is started as the scripts start it", () => {
  for (const script of ["start", "wellvault"]) {
    const { options, env } = nodeStartOf(script);
    expect(options).toContain("--max-semi-space-size=8");
    expect(options.every((option) => option.startsWith("--"))).toBe(true);
    expect(env).toEqual({
      MALLOC_ARENA_MAX: "2",
      MALLOC_MMAP_THRESHOLD_: "131072",
      MALLOC_TRIM_THRESHOLD_: "131072",
      NODE_COMPILE_CACHE: "node_modules/.cache/compiled",
    });
  }
  expect(nodeStartOf("bench")).toEqual({ options: [], env: {} });
  expect(() => nodeStartOf("check")).toThrow("no script check that starts Node");
});

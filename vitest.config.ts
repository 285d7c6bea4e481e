import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/cluster.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Files keep nothing in modules, so they can share them: loading the ORM anew for each takes longer than most.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // Of three workers one mostly waits, for a deadline or a lock: two leave one of two cores idle, four make the database wait.
    maxWorkers: 3,
  },
});

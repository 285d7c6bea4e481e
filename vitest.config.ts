import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/cluster.ts"],
    // Most of what a process that a test starts does is to load its modules, of which this keeps the compiled code.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/wellvault") },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Files keep nothing in modules, so they can share them: loading the ORM anew for each takes longer than most.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // Of three workers one mostly waits, for a deadline or a lock: two leave one of two cores idle, four make the database wait.
    maxWorkers: 3,
  },
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/cluster.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Files keep nothing in modules, so they can share them: loading the ORM anew for each takes longer than most.
    isolate: false,
    // Two cores: more workers only make the database wait.
    maxWorkers: 2,
  },
});

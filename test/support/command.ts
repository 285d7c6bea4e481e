import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { CommandIo } from "../../src/cli/command-io.ts";
import { runCommand } from "../../src/cli/run-command.ts";
import { root } from "./process.ts";

/** How a run of the `wellvault` command ended. */
export interface CommandRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A way to run the command: with its arguments, and with what is set in its environment besides that of the tests. */
export type RunsCommand = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<CommandRun>;

/**
 * Runs the command within the test's own process, in a tenth of the time that a process takes to start. Each command
 * has a test that runs it by {@link spawnCommand}, too: that it ends its process, and how, only shows there.
 */
export const callCommand: RunsCommand = async (args, env = {}) => {
  const stdout = new Collector();
  const stderr = new Collector();
  const io: CommandIo = { env: { ...process.env, ...env }, stdout, stderr };
  await runCommand(args, io);
  return { status: Number(io.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
};

/** A run of the command that is under way. */
export interface RunningCommand {
  readonly process: ChildProcess;
  readonly ended: Promise<CommandRun>;
}

/** Starts the command as a process of its own. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
  const child = spawn(process.execPath, [join(root, "src/cli/wellvault.ts"), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<CommandRun>((done) => child.once("close", (status) => done({ status, stdout, stderr })));
  return { process: child, ended };
}

/** Runs the command as a process of its own. */
export const spawnCommand: RunsCommand = async (args, env) => await startCommand(args, env).ended;

/** A stream that keeps what is written to it. */
class Collector extends Writable {
  text = "";

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

/** The root of the checkout. */
export const root = join(import.meta.dirname, "../..");

/** A program of this project, running as a process of its own. */
export interface RunningProgram {
  readonly process: ChildProcess;
  /** What it printed so far, on both channels. */
  output(): string;
  /** Resolves with the first match in its output, or rejects with the output when it ends without one. */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Sends a signal and resolves with the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>;
}

/** Runs a TypeScript file of this project under the Node that runs the tests. */
export function runProgram(file: string, env: Record<string, string>, args: readonly string[] = []): RunningProgram {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(root, file), ...args], {
    cwd: root,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const listeners = new Set<() => void>();
  const onData = (chunk: Buffer) => {
    text += chunk;
    for (const listener of [...listeners]) listener();
  };
  child.stdout.on("data", onData);
  child.stderr.on("data", onData);
  const exit = new Promise<number | null>((done) => child.once("close", done));
  return {
    process: child,
    output: () => text,
    exit,
    until: (pattern) =>
      new Promise((done, fail) => {
        const look = () => {
          const match = pattern.exec(text);
          if (!match) return;
          listeners.delete(look);
          done(match);
        };
        listeners.add(look);
        void exit.then(() => fail(new Error(`The program ended without printing ${pattern}:\n${text}`)));
        look();
      }),
    async end(signal = "SIGTERM") {
      child.kill(signal);
      return await exit;
    },
  };
}

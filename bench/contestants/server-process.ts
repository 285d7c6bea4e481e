import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { NodeStart } from "../node-start.ts";

/** What a server's process is told at its start. */
export interface ServerOrder {
  /** URL of its database, with the role that it is to use. */
  readonly databaseUrl: string;
  /** How the server is to go about its work, where it knows several ways. */
  readonly mode?: string;
  /** How Node is started for it; by default without any options. */
  readonly nodeStart?: NodeStart;
}

/** What it answers. */
export type ServerAnswer = { readonly port: number } | { readonly error: string };

/** A server in a process of its own; disposing of it ends it. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** How long a server may take to start and to stop, in milliseconds. */
const startMs = 60_000;
const stopMs = 15_000;

/**
 * Starts a server.
 *
 * @param script path below this folder's parent, such as `peers/isolated.ts`
 * @throws Error when it does not start
 */
export async function startServerProcess(script: string, order: ServerOrder): Promise<ServerProcess> {
  // Only what a server is told counts: settings of this shell would make it another service.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(WELLVAULT_|DATABASE_URL$|PG|MIKRO_ORM_|MALLOC_|NODE_OPTIONS$|NODE_COMPILE_CACHE$)/.test(name),
    ),
  );
  const child = fork(join(import.meta.dirname, "..", script), {
    env: { ...env, ...order.nodeStart?.env },
    // What package.json says of files is meant from there.
    cwd: join(import.meta.dirname, "../.."),
    execArgv: [...(order.nodeStart?.options ?? [])],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const stop = async () => await end(child);
  try {
    child.send(order);
    const [answer] = (await Promise.race([
      once(child, "message", { signal: AbortSignal.timeout(startMs) }),
      once(child, "exit").then(([code]) => [{ error: `it ended with ${code}` }]),
    ])) as [ServerAnswer];
    if ("error" in answer) throw new Error(`${script} did not start: ${answer.error}`);
    return { port: answer.port, pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await ended;
  clearTimeout(timer);
}

/** For the script of a server: starts it as it is ordered and tells where it listens. */
export function serveAsOrdered(start: (order: ServerOrder) => Promise<number>): void {
  process.once("message", (order: ServerOrder) => {
    start(order).then(
      (port) => process.send?.({ port } satisfies ServerAnswer),
      (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? "") : String(error) }),
    );
  });
  // Nobody is left to be served when whoever gave the order is gone.
  process.once("disconnect", () => process.exit());
}

import { open, readFile, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

/** Says that a living process uses a data folder. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
  /** The process that uses it. */
  readonly pid: number;
  /** Where it serves; undefined while it is still starting. */
  readonly address: string | undefined;

  constructor(folder: string, pid: number, address: string | undefined) {
    super(`The data folder ${folder} is in use by process ${pid}${address ? `, which serves ${address}` : ""}.`);
    this.pid = pid;
    this.address = address;
  }
}

/** A data folder that no other process may use until it is released. */
export interface FolderLock {
  /** Tells whoever comes next where this process serves. */
  announce(address: string): Promise<void>;
  /** Gives the folder free. */
  release(): Promise<void>;
}

/** A process that has not announced itself by then has died, and another one got its number. */
const startingMs = 180_000;

/**
 * Claims a data folder for this process.
 *
 * A file with the process's number is the claim. One that a killed process left behind is told by the
 * process being gone, or by nothing answering where it said it serves.
 *
 * @throws FolderInUseError when a living process has it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, "server.lock");
  for (let attempt = 1; ; attempt++) {
    try {
      const handle = await open(file, "wx", 0o600);
      await handle.writeFile(JSON.stringify({ pid: process.pid }));
      return {
        async announce(address) {
          await handle.truncate(0);
          await handle.write(JSON.stringify({ pid: process.pid, address }), 0);
        },
        async release() {
          await handle.close();
          await rm(file, { force: true });
        },
      };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST") || attempt === 3) throw error;
      await removeIfStale(folder, file);
    }
  }
}

async function removeIfStale(folder: string, file: string): Promise<void> {
  const [text, info] = await Promise.all([readFile(file, "utf8").catch(() => ""), stat(file).catch(() => undefined)]);
  if (!info) return;
  const { pid, address } = parse(text);
  if (pid !== undefined && isAlive(pid)) {
    const starting = address === undefined && Date.now() - info.mtimeMs < startingMs;
    if (starting || (address !== undefined && (await answers(address)))) {
      throw new FolderInUseError(folder, pid, address);
    }
  }
  await rm(file, { force: true });
}

function parse(text: string): { pid?: number; address?: string } {
  try {
    return JSON.parse(text) as { pid?: number; address?: string };
  } catch {
    return {};
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function answers(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address);
  return new Promise((done) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), timeout: 2_000 });
    const finish = (alive: boolean) => {
      socket.destroy();
      done(alive);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
    socket.once("timeout", () => finish(false));
  });
}

import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

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

/** What the file says: who holds the folder, told apart from a later process with the same number. */
interface Claim {
  readonly pid: number;
  /** When the process started, in whatever form the system tells it; undefined when it does not. */
  readonly started: string | undefined;
  /** Where the process serves; undefined while it is still starting. */
  readonly address: string | undefined;
}

/**
 * Claims a data folder for this process.
 *
 * A file with the process's number and start is the claim. It holds as long as the process lives, be it
 * starting, serving or draining; one that a killed process left behind is taken over.
 *
 * @throws FolderInUseError when a living process has it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, "server.lock");
  const own: Claim = { pid: process.pid, started: await startOf(process.pid), address: undefined };
  for (let attempt = 1; ; attempt++) {
    const claimed = await claim(file, own);
    // Whoever found the same remains may have removed this claim together with them.
    if (claimed && attempt > 1) await new Promise((done) => setTimeout(done, settleMs));
    if (claimed && isSame(await read(file), own)) break;
    if (attempt === 5) throw new Error(`The data folder ${folder} cannot be claimed. Remove ${file} and start again.`);
    await removeIfStale(folder, file);
  }
  return {
    announce: (address) => writeFile(file, JSON.stringify({ ...own, address })),
    async release() {
      if (isSame(await read(file), own)) await rm(file, { force: true });
    },
  };
}

/** How long two processes that start at once need to see each other, in milliseconds. */
const settleMs = 100;

async function claim(file: string, own: Claim): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(own), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

async function removeIfStale(folder: string, file: string): Promise<void> {
  let other = await read(file);
  if (!other) {
    // Perhaps it is just being written.
    await new Promise((done) => setTimeout(done, settleMs));
    other = await read(file);
  }
  if (other && (await isAlive(other))) throw new FolderInUseError(folder, other.pid, other.address);
  await rm(file, { force: true });
}

async function read(file: string): Promise<Claim | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Claim;
  } catch {
    return undefined;
  }
}

function isSame(found: Claim | undefined, own: Claim): boolean {
  return found?.pid === own.pid && found.started === own.started;
}

async function isAlive({ pid, started }: Claim): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  const now = await startOf(pid);
  return started === undefined || now === undefined || now === started;
}

/** When a process started, as the system tells it, or undefined. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    // The 22nd field; the second one, the name, may hold blanks and ends with the last parenthesis.
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return await run("ps", ["-o", "lstart=", "-p", String(pid)]).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
  }
}

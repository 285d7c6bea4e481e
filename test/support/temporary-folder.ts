import { chmod, mkdtemp, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Linux keeps files in memory. */
const memory = "/dev/shm";

/** Bytes that have to be free there: several times what the servers of a run hold at a time. */
const enough = 4 * 1024 ** 3;

/**
 * Makes the folder for everything that a test run writes: in memory where there is room, with the other temporary files
 * otherwise and where TMPDIR says which those are. Databases are made and dropped all the time, and a disk's file system spends longer on their files
 * than PostgreSQL does.
 */
export async function makeTemporaryFolder(): Promise<string> {
  const parent = !process.env["TMPDIR"] && (await hasRoom(memory)) ? memory : tmpdir();
  const folder = await mkdtemp(join(parent, "wellvault-test-"));
  // For root the servers run as another user, who has to pass through.
  await chmod(folder, 0o711);
  return folder;
}

async function hasRoom(folder: string): Promise<boolean> {
  const found = await statfs(folder).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize >= enough;
}

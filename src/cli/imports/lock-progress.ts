import { mkdir, rmdir } from "node:fs/promises";
import { ConfigError } from "../../config.ts";
import { FolderInUseError, lockFolder } from "../../database/folder-lock.ts";

/** A progress file that no other import writes to until it is released. */
export interface ProgressLock {
  release(): Promise<void>;
}

/**
 * Claims a progress file for this process, by a folder beside it. What an import that was killed left of its claim is
 * taken over.
 *
 * @throws ConfigError when a living process has it, the file system's error when the folder cannot be made
 */
export async function lockProgress(path: string): Promise<ProgressLock> {
  const folder = `${path}.lock`;
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  try {
    const lock = await lockFolder(folder);
    return {
      async release() {
        await lock.release();
        // Another import may be about to claim it.
        await rmdir(folder).catch(() => undefined);
      },
    };
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new ConfigError(
      `${path} is in use by another import, process ${error.pid}. Wait until it ends, or name another --progress-file.`,
    );
  }
}

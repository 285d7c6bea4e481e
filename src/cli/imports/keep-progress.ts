import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ConfigError } from "../../config.ts";
import { type ImportState, newState } from "../../importers/import-state.ts";
import { type FileIdentity, identify } from "../../importers/input-identity.ts";
import { type ImportIdentity, ProgressFile, readProgress } from "../../importers/progress-file.ts";
import type { ImportSource } from "./import-source.ts";
import { lockProgress, type ProgressLock } from "./lock-progress.ts";
import type { ImportOptions } from "./options.ts";

/** How far an import is, and where that is kept. */
export interface KeptProgress {
  readonly state: ImportState;
  /** Whether an import that was cut off goes on. */
  readonly resumed: boolean;
  /** Undefined when nothing is kept. */
  readonly file: ProgressFile | undefined;
  /** Gives the file free for other imports. */
  release(): Promise<void>;
}

/**
 * Finds out how far an import is, and begins to keep it. A dry run neither looks nor keeps.
 *
 * @param say told what the user should know
 * @throws ConfigError when the input cannot be read, or the file that the user named cannot be used
 */
export async function openProgress(
  source: ImportSource,
  options: ImportOptions,
  say: (text: string) => void,
): Promise<KeptProgress> {
  if (options.dryRun) return { state: newState(), resumed: false, file: undefined, release: async () => undefined };
  const path = options.progressFile ?? defaultPath(source.input, options.tenant);
  const identity: ImportIdentity = {
    form: 2,
    importer: source.importer,
    address: options.address,
    tenant: options.tenant,
    options: source.options,
    input: await identifyAll(source.files),
  };
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new ConfigError(`${path}, where the progress is kept, is not a file.`);
  // Where nothing can be written, nothing can be kept, which is told below.
  const lock = await lockProgress(path).catch((error: unknown) => {
    if (error instanceof ConfigError) throw error;
    return undefined;
  });
  try {
    return await openFile(path, identity, options, say, lock);
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

async function openFile(
  path: string,
  identity: ImportIdentity,
  options: ImportOptions,
  say: (text: string) => void,
  lock: ProgressLock | undefined,
): Promise<KeptProgress> {
  const release = async () => await lock?.release();
  const found = await readProgress(path, identity).catch((error: Error) => {
    throw new ConfigError(`${path}, where the progress is kept, cannot be read: ${error.message}`);
  });
  if (found.type === "foreign" && options.progressFile !== undefined) {
    throw new ConfigError(
      `${path} is no progress file, and stays as it is. Remove it, or name another --progress-file.`,
    );
  }
  if (found.type === "other" || found.type === "foreign") {
    say(
      `${path} is of another import, or of another state of the input, and not used: this one starts from the beginning.`,
    );
  }
  const resumed = found.type === "found";
  const file = new ProgressFile(path, identity);
  const state = found.type === "found" ? found.state : newState();
  file.save(state);
  await file.settle();
  if (file.failure === undefined) return { state, resumed, file, release };
  if (options.progressFile !== undefined) {
    throw new ConfigError(`--progress-file cannot be written: ${messageOf(file.failure)}`);
  }
  say(`${notKeptText(file.failure)} --progress-file names another file.`);
  return { state, resumed, file: undefined, release };
}

/** Says that the progress cannot be kept, and what that means. */
export function notKeptText(failure: unknown): string {
  return `How far it is cannot be kept (${messageOf(failure)}), so a further start would send it again.`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function defaultPath(input: string, tenant: string): string {
  return `${resolve(input)}.${tenant.replace(/[^\w-]/g, "_")}.import-progress.json`;
}

async function identifyAll(files: readonly string[]): Promise<FileIdentity[]> {
  return await Promise.all(
    files.map((file) =>
      identify(file).catch((error: Error) => {
        throw new ConfigError(`The input cannot be read: ${error.message}`);
      }),
    ),
  );
}

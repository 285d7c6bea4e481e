import { resolve } from "node:path";
import { ConfigError } from "../../config.ts";
import { type ImportState, newState } from "../../importers/import-state.ts";
import { type FileIdentity, identify } from "../../importers/input-identity.ts";
import { type ImportIdentity, ProgressFile, readProgress } from "../../importers/progress-file.ts";
import type { ImportSource } from "./import-source.ts";
import type { ImportOptions } from "./options.ts";

/** How far an import is, and where that is kept. */
export interface KeptProgress {
  readonly state: ImportState;
  /** Whether an import that was cut off goes on. */
  readonly resumed: boolean;
  /** Undefined when nothing is kept. */
  readonly file: ProgressFile | undefined;
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
  const state = newState();
  if (options.dryRun) return { state, resumed: false, file: undefined };
  const path = options.progressFile ?? defaultPath(source.input, options.tenant);
  const identity: ImportIdentity = {
    form: 1,
    importer: source.importer,
    address: options.address,
    tenant: options.tenant,
    options: source.options,
    input: await identifyAll(source.files),
  };
  const found = await readProgress(path, identity).catch((error: Error) => {
    throw new ConfigError(`${path}, where the progress is kept, cannot be read: ${error.message}`);
  });
  if (found.type === "other") {
    say(
      `${path} is of another import, or of another state of the input, and not used: this one starts from the beginning.`,
    );
  }
  const file = new ProgressFile(path, identity);
  const kept = found.type === "found" ? found.state : state;
  file.save(kept);
  await file.settle();
  if (file.failure === undefined) return { state: kept, resumed: found.type === "found", file };
  const why = file.failure instanceof Error ? file.failure.message : String(file.failure);
  if (options.progressFile !== undefined) throw new ConfigError(`--progress-file cannot be written: ${why}`);
  say(
    `How far it is cannot be kept (${why}), so a further start would send all again. --progress-file names another file.`,
  );
  return { state: kept, resumed: found.type === "found", file: undefined };
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

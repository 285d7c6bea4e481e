import { open, readFile, rename, rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { type ImportState, isState } from "./import-state.ts";
import type { FileIdentity } from "./input-identity.ts";

/** What an import is of: an import goes on only where all of it is the same. */
export interface ImportIdentity {
  /** The form of the file, and with it how readers number their events and chunks are cut. */
  readonly form: 2;
  readonly importer: string;
  /** The service's address. */
  readonly address: string;
  readonly tenant: string;
  /** The options that decide what is read. */
  readonly options: Readonly<Record<string, string | number>>;
  readonly input: readonly FileIdentity[];
}

/** What stands in the file. */
interface Contents extends ImportState {
  readonly import: ImportIdentity;
}

/** What a progress file says of an import. */
export type FoundProgress =
  | { readonly type: "none" }
  | { readonly type: "other" }
  /** What stands there is nothing that an import wrote. */
  | { readonly type: "foreign" }
  | { readonly type: "found"; readonly state: ImportState };

/**
 * Reads the progress of an import.
 *
 * @returns `other` when the file is that of another import, or says less than it has to; `foreign` when it is none at all
 * @throws the file system's error when it is there and cannot be read
 */
export async function readProgress(path: string, identity: ImportIdentity): Promise<FoundProgress> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { type: "none" };
    throw error;
  }
  if (text === "") return { type: "none" };
  const contents = parse(text);
  if (!contents) return { type: "foreign" };
  try {
    const { import: of, ...state } = contents;
    return isDeepStrictEqual(of, identity) && isState(state) ? { type: "found", state } : { type: "other" };
  } catch {
    return { type: "other" };
  }
}

/** Reads what an import wrote, whatever its state may be; undefined when it is something else. */
function parse(text: string): Contents | undefined {
  try {
    const value = JSON.parse(text) as Partial<Contents> | null;
    return typeof value?.import?.form === "number" ? (value as Contents) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the progress of an import in a file. */
export class ProgressFile {
  readonly #path: string;
  readonly #identity: ImportIdentity;
  #next: ImportState | undefined;
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(path: string, identity: ImportIdentity) {
    this.#path = path;
    this.#identity = identity;
  }

  /** Why the last state could not be written, if so: the file has an earlier one. The next is tried all the same. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Writes the state, soon, as it is then: while one is being written, those that follow are written together. So it may
   * change after the call, but not only in part where others can run in between.
   */
  save(state: ImportState): void {
    this.#next = state;
    this.#writing ??= this.#write();
  }

  /** Waits until the last state is written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  /** Removes the file: the import is complete. */
  async remove(): Promise<void> {
    await this.settle();
    // A kill may have left one that was being written.
    for (const path of [this.#path, temporaryOf(this.#path)]) await rm(path, { force: true });
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const contents: Contents = { import: this.#identity, ...this.#next };
      this.#next = undefined;
      this.#failure = await replaceFile(this.#path, `${JSON.stringify(contents)}\n`).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    this.#writing = undefined;
  }
}

/** Puts a text into a file so that it holds the old text or the new one, whatever happens. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function temporaryOf(path: string): string {
  return `${path}.new`;
}

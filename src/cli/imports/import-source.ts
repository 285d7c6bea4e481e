import type { ReadStep } from "../../importers/import-event.ts";

/** Something to import samples from. */
export interface ImportSource {
  /** Name of the importer. */
  readonly importer: string;
  /** The file or folder as the user named it. */
  readonly input: string;
  /** The files that are read, in their order. */
  readonly files: readonly string[];
  /** The options that decide what is read. */
  readonly options: Readonly<Record<string, string | number>>;
  /** What is worth knowing before it is read, a sentence each. */
  readonly notices: readonly string[];
  /** Reads all of it from the beginning. */
  read(): AsyncIterable<ReadStep>;
}

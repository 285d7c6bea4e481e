import { join } from "node:path";
import { type FitabaseFile, fitabaseFiles } from "./fitabase-files.ts";
import { FitabaseRow, RowProblem } from "./fitabase-row.ts";
import type { BadRow, ImportedSample } from "./imported-sample.ts";
import { readCsv } from "./read-csv.ts";

/** How to read a Fitabase export. */
export interface FitabaseOptions {
  /**
   * Minutes east of Greenwich of the clock that the files' times are by, -840 to 840. The files do not
   * say it.
   */
  readonly utcOffsetMinutes: number;
  /** Told of each row that cannot be read. Reading goes on with the next one. */
  readonly onBadRow: (row: BadRow) => void;
}

/**
 * Streams the samples of one file of a Fitabase export, in the order of its rows. A row gives all of
 * its samples or none. Rows that stand twice are given twice: the service tells them by their natural
 * key.
 *
 * @param path the file; its columns are told by `file`
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readFitabaseFile(
  path: string,
  file: FitabaseFile,
  options: FitabaseOptions,
): AsyncGenerator<ImportedSample, void, undefined> {
  for await (const { line, cells } of readCsv(path, file.columns, options.onBadRow)) {
    try {
      const row = new FitabaseRow(cells, options.utcOffsetMinutes);
      const externalId = row.externalId();
      const samples = file.samples(row);
      for (const sample of samples) yield { externalId, sample };
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      options.onBadRow({ file: path, line, problem: error.message });
    }
  }
}

/** Streams the samples of all five files of the export in `folder`; see {@link readFitabaseFile}. */
export async function* readFitabase(
  folder: string,
  options: FitabaseOptions,
): AsyncGenerator<ImportedSample, void, undefined> {
  for (const file of fitabaseFiles) yield* readFitabaseFile(join(folder, file.name), file, options);
}

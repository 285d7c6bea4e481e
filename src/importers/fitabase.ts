import { join } from "node:path";
import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";
import { type FitabaseFile, fitabaseFiles } from "./fitabase-files.ts";
import { FitabaseRow, RowProblem } from "./fitabase-row.ts";
import type { ImportEvent, ReadStep } from "./import-event.ts";
import type { BadRow, ImportedSample } from "./imported-sample.ts";
import { readCsv } from "./read-csv.ts";

/** What a row of a file says. */
interface RowSamples {
  readonly line: number;
  /** How many bytes of the file have been read with it. */
  readonly bytes: number;
  readonly externalId: string;
  /** None for a bad row: whoever reads hears of it at once, however many follow each other. */
  readonly samples: readonly MetricSample[];
}

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
  for await (const { externalId, samples } of readRows(path, file, options)) {
    for (const sample of samples) yield { externalId, sample };
  }
}

async function* readRows(
  path: string,
  file: FitabaseFile,
  { utcOffsetMinutes, onBadRow, onBroken = onBadRow }: FitabaseOptions & { onBroken?: (row: BadRow) => void },
): AsyncGenerator<RowSamples, void, undefined> {
  for await (const { line, cells, bytes } of readCsv(path, file.columns, onBadRow, onBroken)) {
    const bad = { line, bytes, externalId: "", samples: [] };
    if (!cells) {
      yield bad;
      continue;
    }
    try {
      const row = new FitabaseRow(cells, utcOffsetMinutes);
      const externalId = row.externalId();
      yield { line, bytes, externalId, samples: file.samples(row) };
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      onBadRow({ file: path, line, problem: error.message });
      yield bad;
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

/**
 * Streams what stands in files of an export, as an import takes it.
 *
 * @param paths the files, each with the form that it has
 * @param utcOffsetMinutes see {@link FitabaseOptions}
 * @throws the file system's error when a file cannot be opened or read
 */
export async function* readFitabaseEvents(
  paths: ReadonlyMap<string, FitabaseFile>,
  utcOffsetMinutes: number,
): AsyncGenerator<ReadStep, void, undefined> {
  let before = 0;
  for (const [path, file] of paths) {
    let problems: ImportEvent[] = [];
    let last = 0;
    const onBadRow = (problem: BadRow) => problems.push({ type: "refused", problem });
    const onBroken = (problem: BadRow) => problems.push({ type: "broken", problem });
    for await (const row of readRows(path, file, { utcOffsetMinutes, onBadRow, onBroken })) {
      const { externalId, line } = row;
      const samples = row.samples.map(
        (sample): ImportEvent => ({ type: "sample", externalId, sample, place: { file: path, line } }),
      );
      last = row.bytes;
      yield { events: [...problems, ...samples], bytes: before + last };
      problems = [];
    }
    if (problems.length > 0) yield { events: problems, bytes: before + last };
    before += last;
  }
}

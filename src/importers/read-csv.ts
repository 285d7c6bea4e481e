import type { BadRow } from "./imported-sample.ts";
import { readRecords } from "./read-records.ts";

/** A row of a CSV file with a header line. */
export interface CsvRow {
  /** Its line, counted from 1. */
  readonly line: number;
  /** Its texts by column, without the spaces around them. Undefined for a bad row, which `onBadRow` was told of. */
  readonly cells: ReadonlyMap<string, string> | undefined;
  /** How many bytes of the file have been parsed with it. */
  readonly bytes: number;
}

/**
 * Streams the rows of a CSV file. Empty lines are passed over.
 *
 * Quotes have no meaning; see {@link readRecords}.
 *
 * @param columns the columns that the header line must name
 * @param onBadRow told of each row that has not as many fields as the header line
 * @param onBroken told when reading ends before the file does, at a header line that lacks a column or a row of more
 *   than 16 KiB. Default `onBadRow`
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readCsv(
  path: string,
  columns: readonly string[],
  onBadRow: (row: BadRow) => void,
  onBroken = onBadRow,
): AsyncGenerator<CsvRow, void, undefined> {
  let header: readonly string[] | undefined;
  let broken = false;
  const records = readRecords(path, false, (row) => {
    broken = true;
    onBroken(row);
  });
  for await (const { line, fields, bytes } of records) {
    if (!header) {
      const missing = columns.filter((column) => !fields.includes(column));
      if (missing.length > 0) {
        onBroken({ file: path, line, problem: `the header line must name ${missing.join(", ")}` });
        return;
      }
      header = fields;
    } else if (fields.length !== header.length) {
      onBadRow({ file: path, line, problem: `must have ${header.length} fields, as the header line has` });
      yield { line, cells: undefined, bytes };
    } else {
      yield { line, cells: new Map(header.map((column, index) => [column, fields[index] ?? ""])), bytes };
    }
  }
  if (!header && !broken) onBroken({ file: path, line: 1, problem: `the header line must name ${columns.join(", ")}` });
}

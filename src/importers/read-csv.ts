import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { BadRow } from "./imported-sample.ts";

/** A row of a CSV file with a header line. */
export interface CsvRow {
  /** Its line, counted from 1. */
  readonly line: number;
  /** Its texts by column, without the spaces around them. */
  readonly cells: ReadonlyMap<string, string>;
}

/** Longer rows are no rows of such a file; the limit keeps memory constant whatever the file holds. */
const maxRowBytes = 16_384;

/**
 * Streams the rows of a CSV file. Empty lines are passed over.
 *
 * Quotes have no meaning: in a file of numbers and dates nothing has to be quoted, and so a stray
 * quote spoils one row instead of all that follow.
 *
 * @param columns the columns that the header line must name
 * @param onBadRow told of each row that has not as many fields as the header line, and of a row of more
 *   than 16 KiB, at which reading ends; the last rows before it may be lost with it
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readCsv(
  path: string,
  columns: readonly string[],
  onBadRow: (row: BadRow) => void,
): AsyncGenerator<CsvRow, void, undefined> {
  const parser = parse({
    bom: true,
    trim: true,
    quote: false,
    record_delimiter: ["\r\n", "\n"],
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: maxRowBytes,
    info: true,
  });
  // The loop below meets every failure as the parser's; there is nothing left for the callback.
  pipeline(createReadStream(path), parser, () => undefined);
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!header) {
        const missing = columns.filter((column) => !record.includes(column));
        if (missing.length > 0) {
          onBadRow({ file: path, line: info.lines, problem: `the header line must name ${missing.join(", ")}` });
          return;
        }
        header = record;
      } else if (record.length !== header.length) {
        onBadRow({
          file: path,
          line: info.lines,
          problem: `must have ${header.length} fields, as the header line has`,
        });
      } else {
        yield { line: info.lines, cells: new Map(header.map((column, index) => [column, record[index] ?? ""])) };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = error["lines"];
    onBadRow({
      file: path,
      line: typeof line === "number" ? line : 1,
      problem: `is no row of a CSV file (${error.code}); the file is read no further`,
    });
    return;
  }
  if (!header) onBadRow({ file: path, line: 1, problem: `the header line must name ${columns.join(", ")}` });
}

import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { BadRow } from "./imported-sample.ts";

/** A record of a CSV file, the header line among them. */
export interface CsvRecord {
  /** The line that it begins at, counted from 1. */
  readonly line: number;
  /** Its texts, without the spaces around them; in quotes, spaces are kept. */
  readonly fields: readonly string[];
  /** How many bytes of the file have been parsed with it. */
  readonly bytes: number;
}

/** Longer rows are no rows of such a file; the limit keeps memory constant whatever the file holds. */
const maxRowBytes = 16_384;

/**
 * Streams the records of a CSV file. Empty lines are passed over.
 *
 * @param quotes whether a field may stand in quotes. In a file of numbers and dates nothing has to, and without
 *   quotes a stray one spoils one row instead of all that follow.
 * @param onBadRow told of a row of more than 16 KiB, at which reading ends; the last rows before it may be lost
 *   with it
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readRecords(
  path: string,
  quotes: boolean,
  onBadRow: (row: BadRow) => void,
): AsyncGenerator<CsvRecord, void, undefined> {
  const parser = parse({
    bom: true,
    trim: true,
    quote: quotes ? '"' : false,
    // A quote inside of a field without quotes is a letter like others.
    relax_quotes: quotes,
    record_delimiter: ["\r\n", "\n"],
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: maxRowBytes,
    info: true,
  });
  // The loop below meets every failure as the parser's; there is nothing left for the callback.
  pipeline(createReadStream(path), parser, () => undefined);
  type Parsed = { record: string[]; info: { lines: number; bytes: number } };
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      // The parser counts to the end of a record, which in quotes may be lines further down.
      const inside = quotes ? record.reduce((sum, field) => sum + field.split("\n").length - 1, 0) : 0;
      yield { line: info.lines - inside, fields: record, bytes: info.bytes };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = error["lines"];
    onBadRow({
      file: path,
      line: typeof line === "number" ? line : 1,
      problem: `is no row of a CSV file (${error.code}); the file is read no further`,
    });
  }
}

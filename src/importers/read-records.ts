import { createReadStream } from "node:fs";
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
 * @param onBadRow told of a row of more than 16 KiB, at which reading ends
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readRecords(
  path: string,
  quotes: boolean,
  onBadRow: (row: BadRow) => void,
): AsyncGenerator<CsvRecord, void, undefined> {
  let parsed: CsvRecord[] = [];
  let failure: unknown;
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
    // Records that wait in the parser are lost when it meets an error.
    on_record(fields, { lines, bytes }) {
      // The parser counts to the end of a record, which in quotes may be lines further down.
      const inside = quotes ? fields.reduce((sum, field) => sum + field.split("\n").length - 1, 0) : 0;
      parsed.push({ line: lines - inside, fields, bytes });
      return null;
    },
  });
  parser.on("error", (error) => {
    failure ??= error;
  });
  const takeParsed = () => {
    const records = parsed;
    parsed = [];
    return records;
  };
  for await (const chunk of createReadStream(path)) {
    // An error is told a moment after the chunk that it is met in.
    if (failure) break;
    // Nothing leaves the parser but through on_record, so it takes each chunk at once.
    parser.write(chunk);
    yield* takeParsed();
  }
  if (!failure) {
    parser.resume();
    await new Promise<void>((done) => parser.once("close", done).end());
    yield* takeParsed();
  }
  if (!failure) return;
  if (!(failure instanceof CsvError)) throw failure;
  const line = failure["lines"];
  onBadRow({
    file: path,
    line: typeof line === "number" ? line : 1,
    problem: `is no row of a CSV file (${failure.code}); the file is read no further`,
  });
}

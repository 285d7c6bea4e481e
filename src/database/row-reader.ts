/** The texts of a row's columns, in their order; null is SQL's null. */
export type ColumnTexts = readonly (string | null)[];

/**
 * How the rows of a statement are read from the texts that the server sends. A reader of our own makes a row of one shape at
 * once; without it each column is looked up by its name and read by its type, which takes several times as long.
 */
export interface RowReader<Row> {
  /** The columns' names, in the order of the statement. The server's are compared with them before a row is read. */
  readonly columns: readonly string[];
  /** @throws Error when a column is null that may not be, or says something that this version does not know */
  read(texts: ColumnTexts): Row;
}

/** The text of a column that is never null. */
export function textAt(texts: ColumnTexts, index: number): string {
  const text = texts[index];
  if (text === null || text === undefined) throw new Error(`column ${index + 1} is null`);
  return text;
}

/** The value of a column of numbers that a double holds exactly. */
export function numberAt(texts: ColumnTexts, index: number): number {
  return Number(textAt(texts, index));
}

/** The value of such a column that may be null. */
export function numberOrNullAt(texts: ColumnTexts, index: number): number | null {
  const text = texts[index];
  return text === null || text === undefined ? null : Number(text);
}

/** The value of a column of booleans. */
export function booleanAt(texts: ColumnTexts, index: number): boolean {
  return textAt(texts, index) === "t";
}

/** Why a record cannot be read. */
export class RecordProblem extends Error {
  override readonly name = "RecordProblem";
  /** The attribute or element that is wrong. */
  readonly field: string;

  /** @param message what is wrong with the field, without its value */
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Reads a finite number as systems write it, without spaces and separators. */
export function readNumber(field: string, text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(value)) {
    throw new RecordProblem(field, "must be a number");
  }
  return value;
}

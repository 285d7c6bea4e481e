import type { RowReader } from "./row-reader.ts";

/** What a connection is told of a statement besides its text and values. */
export interface StatementMarks {
  /** Whether it ends its transaction: whatever commits it travels with it. */
  readonly isLast: boolean;
  /** Whether nobody but the source has a part in its text: then it leaves nothing that would have to be cleaned. */
  readonly isLiteral: boolean;
  /** How its rows are read; undefined: by the columns' names and types. */
  readonly rows?: RowReader<unknown> | undefined;
}

const marked = new WeakMap<readonly unknown[], StatementMarks>();

/**
 * Marks the values of a statement. There is no other way to tell a connection through the layers between, which pass the
 * values on as they are.
 */
export function markValues(values: readonly unknown[], marks: StatementMarks): readonly unknown[] {
  const copy = [...values];
  marked.set(copy, marks);
  return copy;
}

const unmarked: StatementMarks = { isLast: false, isLiteral: false };

/** Returns how values are marked. */
export function marksOf(values: readonly unknown[] | undefined): StatementMarks {
  return (values && marked.get(values)) ?? unmarked;
}

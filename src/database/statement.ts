import type { RowReader } from "./row-reader.ts";

/**
 * One SQL statement with bound parameters and explicit columns, kept in a file of its own with the
 * types of what goes in and what comes out.
 */
export interface Statement<Values extends readonly unknown[], Row> {
  /** The text, with `$1` to `$n` for the values. Names no schema: the pin says which vault. */
  readonly text: string;
  /**
   * Whether the whole text stands in the source, so that no input can have had a part in it. Such a statement
   * does what it was reviewed for and leaves nothing on its connection; after any other the connection is
   * cleaned.
   */
  readonly isLiteral: boolean;
  /** Whether it may change rows; then nobody knows what became of it when its connection is lost. */
  readonly writes: boolean;
  /**
   * Whether a connection may keep its plan for a vault. It is planned then without its values being known, from the first
   * time on, so it has to be one whose best plan is the same for all of them, and goes by indexes alone.
   */
  readonly isKept: boolean;
  /** How its rows are read; undefined: by the columns' names and types. */
  readonly rows?: RowReader<Row>;
  /** Carries the types only; never set. */
  readonly types?: { readonly values: Values; readonly row: Row };
}

/** A piece of SQL that stands in the source, for use in several statements. */
export interface Fragment {
  readonly text: string;
}

const fragments = new WeakSet<Fragment>();

/** Declares a piece of SQL: ``fragment`tenant_id, state` ``. It may hold other pieces and nothing else. */
export function fragment(strings: TemplateStringsArray, ...parts: readonly Fragment[]): Fragment {
  const made = Object.freeze({ text: join(strings, parts) });
  fragments.add(made);
  return made;
}

/**
 * Declares a statement: ``statement<[employeeId: string], { employee_no: number }>`select ...` ``. The text
 * may hold fragments; called with a string instead, it makes a statement that is not literal.
 *
 * @throws Error when a part of the text is no fragment
 */
export function statement<Values extends readonly unknown[], Row>(
  text: string | TemplateStringsArray,
  ...parts: readonly Fragment[]
): Statement<Values, Row> {
  const whole = typeof text === "string" ? text : join(text, parts);
  const writes = /\b(insert|update|delete|merge)\b/i.test(whole);
  return Object.freeze({ text: whole, isLiteral: typeof text !== "string", writes, isKept: false });
}

/** Declares a statement as {@link statement} does, whose plan a connection may keep; see {@link Statement.isKept}. */
export function keptStatement<Values extends readonly unknown[], Row>(
  text: TemplateStringsArray,
  ...parts: readonly Fragment[]
): Statement<Values, Row> {
  return Object.freeze({ ...statement<Values, Row>(text, ...parts), isKept: true });
}

/**
 * The same statement with a reader of its rows.
 *
 * @throws Error when the statement may write: a reader that fails would say so of what is committed already
 */
export function withRows<Values extends readonly unknown[], Row>(
  rows: RowReader<Row>,
  statement: Statement<Values, Row>,
): Statement<Values, Row> {
  if (statement.writes) throw new Error("the rows of a statement that writes are read by their types");
  return Object.freeze({ ...statement, rows });
}

function join(strings: TemplateStringsArray, parts: readonly Fragment[]): string {
  if (!Object.isFrozen(strings) || !Array.isArray(strings.raw)) throw new Error("the text is no template literal");
  return strings.reduce((text, string, index) => {
    const part = parts[index - 1];
    if (!part || !fragments.has(part)) throw new Error("a part of a statement is no fragment");
    return text + part.text + string;
  });
}

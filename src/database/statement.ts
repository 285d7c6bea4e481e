/**
 * One SQL statement with bound parameters and explicit columns, kept in a file of its own with the
 * types of what goes in and what comes out.
 */
export interface Statement<Values extends readonly unknown[], Row> {
  /** The text, with `$1` to `$n` for the values. Names no schema: the pin says which vault. */
  readonly text: string;
  /** Carries the types only; never set. */
  readonly types?: { readonly values: Values; readonly row: Row };
}

/** Declares a statement: `statement<[employeeId: string], { employee_no: number }>("select ...")`. */
export function statement<Values extends readonly unknown[], Row>(text: string): Statement<Values, Row> {
  return { text };
}

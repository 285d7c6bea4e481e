/** Something that was tried: most of it must be refused, the rest shows that the same thing works at home. */
export interface Attempt {
  /** What was tried. */
  readonly what: string;
  /** The answer it must meet: gRPC's code and the reason, an SQLSTATE, or {@link allowed}. */
  readonly expected: string;
  /** The answer it met. */
  readonly answered: string;
}

/** The answer of an attempt that was not refused. */
export const allowed = "allowed";

/** Whether the attempt met the answer that it must. */
export function held({ answered, expected }: Attempt): boolean {
  return answered === expected;
}

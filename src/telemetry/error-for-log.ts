/** What the log says of an error. */
export interface LoggedError {
  /** Name of the error's class. */
  readonly type: string;
  /** What it says, without the parts that may hold a value; absent for errors of the database. */
  readonly message?: string;
  /** SQLSTATE of a database error, or the system's code such as ECONNRESET. */
  readonly code?: string;
  /** Constraint that a database error reports. */
  readonly constraint?: string;
  /** Where PostgreSQL raised it: a function of its source. */
  readonly routine?: string;
  /** The calls that led to it, without its text. */
  readonly stack: string;
  /** What led to it. */
  readonly cause?: LoggedError;
}

/** Causes that are followed at most. */
const maxDepth = 5;

/**
 * Turns an error into what may stand in a log: where it happened and of which kind it is. The text of a
 * database error holds SQL, names of vaults and the values that were written, so it is left out;
 * from every other text whatever stands in quotes is.
 */
export function errorForLog(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, stack: "" };
  const code = textOf(error, "code");
  const constraint = textOf(error, "constraint");
  const routine = textOf(error, "routine");
  return {
    type: error.name === "Error" ? error.constructor.name : error.name,
    ...(isOfDatabase(error) ? {} : { message: withoutValues(error.message) }),
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(routine === undefined ? {} : { routine }),
    stack: framesOf(error),
    ...(error.cause === undefined || depth === maxDepth ? {} : { cause: errorForLog(error.cause, depth + 1) }),
  };
}

/** Takes out of a text what may be a value or a name: what stands in quotes, and what looks like a vault. */
export function withoutValues(text: string): string {
  return text
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, "'...'")
    .replace(/\bv_[0-9a-f]{16}\b/g, "v_...")
    .slice(0, 300);
}

/** Whether the error, or what led to it, comes from PostgreSQL or quotes a statement. */
function isOfDatabase(error: Error): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth <= maxDepth; at = at.cause, depth++) {
    if ("severity" in at || "routine" in at || /(?<!DOM)Exception$|DatabaseError$/.test(at.name + at.constructor.name))
      return true;
  }
  return false;
}

function framesOf({ stack }: Error): string {
  return (stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n");
}

function textOf(error: Error, key: string): string | undefined {
  const value = (error as unknown as Record<string, unknown>)[key];
  return typeof value === "string" && value.length <= 100 ? value : undefined;
}

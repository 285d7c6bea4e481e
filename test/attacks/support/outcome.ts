import { inspect } from "node:util";
import { sqlStateOf } from "../../../src/database/sqlstate.ts";

/** The names of gRPC's codes by their number. */
const grpcCodes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/**
 * Says in a word how something failed: the SQLSTATE when the database's error is at hand, the name of the
 * gRPC code when it came through the wire, the error's message otherwise.
 */
export function describeFailure(error: unknown): string {
  const state = sqlStateOf(error);
  if (state !== undefined) return state;
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && typeof error.code === "number") return grpcCodes[error.code] ?? `code ${error.code}`;
  return `${error.name}: ${error.message}`;
}

/** Says in a word what something returned: how many rows, or that it was allowed. */
export function describeResult(result: unknown): string {
  if (Array.isArray(result)) return result.length === 1 ? "1 row" : `${result.length} rows`;
  return "allowed";
}

/** All that can be read in a result or an error, with its causes and properties, as text. */
export function evidenceOf(value: unknown): string {
  const options = { depth: 12, maxArrayLength: null, maxStringLength: null, breakLength: Number.POSITIVE_INFINITY };
  return inspect(value, options);
}

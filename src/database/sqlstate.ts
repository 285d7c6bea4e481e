import { errors, WellvaultError } from "../errors.ts";

/** Returns the five-character SQLSTATE of a database error, looking through wrappers, or undefined. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string" && /^[0-9A-Z]{5}$/.test(at.code) && !isErrno(at.code)) {
      return at.code;
    }
  }
  return undefined;
}

/**
 * Returns the name of the constraint that a database error reports, without the shard number that a
 * distributed engine appends.
 */
export function constraintOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("constraint" in at && typeof at.constraint === "string") return at.constraint.replace(/_\d+$/, "");
  }
  return undefined;
}

/** Whether repeating the whole transaction is safe and may succeed. */
export function isRetryable(error: unknown): boolean {
  // serialization_failure, deadlock_detected, lock_not_available, feature_not_supported (a plan that
  // a migration made stale)
  return ["40001", "40P01", "55P03", "0A000"].includes(sqlStateOf(error) ?? "");
}

/** Whether the error says that the connection, not the statement, failed. */
export function isConnectionFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  // 57P01 to 57P05: the server ends the session, starts up or shuts down.
  if (state !== undefined) return state.startsWith("08") || /^57P0[1-5]$/.test(state) || isLoginRefused(error, state);
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string" && isErrno(at.code)) return true;
    if (
      /connection terminated|connection timeout|client has encountered a connection error|not queryable/i.test(
        at.message,
      )
    ) {
      return true;
    }
  }
  return false;
}

/**
 * Turns an error of the database, its driver or the ORM into a value of the catalogue, or returns
 * undefined when it is none that a caller can cause or mend: then it is a defect.
 *
 * Unique violations are left to the caller, who knows what the constraint stands for.
 *
 * @param committing whether the error came from the commit itself
 */
export function toWellvaultError(error: unknown, committing = false): WellvaultError | undefined {
  if (error instanceof WellvaultError) return error;
  if (isConnectionFailure(error)) return committing ? errors.commitUnknown(error) : errors.databaseUnavailable(error);
  if (isRetryable(error)) return errors.conflict(error);
  if (isPoolTimeout(error)) return errors.overloaded(error);
  switch (sqlStateOf(error)) {
    case "57014": // query_canceled
    case "25P04": // transaction_timeout
      return errors.deadlineExceeded(error);
    case "25P03": // idle_in_transaction_session_timeout
      return errors.databaseUnavailable(error);
    case "53000":
    case "53100": // disk_full
    case "53200": // out_of_memory
    case "53300": // too_many_connections
      return errors.overloaded(error);
    case "25006": // read_only_sql_transaction: a standby, or a server that was made read-only
      return errors.databaseUnavailable(error);
    case "22021": // character_not_in_repertoire
    case "22P05": // untranslatable_character
    case "22001": // string_data_right_truncation
    case "22003": // numeric_value_out_of_range
    case "22007": // invalid_datetime_format
    case "22008": // datetime_field_overflow
    case "22P02": // invalid_text_representation
    case "23502": // not_null_violation
    case "23514": // check_violation
      return errors.fieldsInvalid([]);
    default:
      return undefined;
  }
}

/** Whether the server is there and lets the service's own login in no more, or not into this database. */
function isLoginRefused(error: unknown, state: string): boolean {
  // invalid_authorization_specification, invalid_password, invalid_catalog_name
  if (["28000", "28P01", "3D000"].includes(state)) return true;
  return state === "55000" && /not currently accepting connections/.test(String(error));
}

function isPoolTimeout(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (/timeout exceeded when trying to connect/.test(at.message)) return true;
  }
  return false;
}

function isErrno(code: string): boolean {
  return /^E(CONN|PIPE|HOST|NET|TIMEDOUT|AI_|NOTFOUND|ADDR)/.test(code);
}

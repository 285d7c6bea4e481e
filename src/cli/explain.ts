import { Code, ConnectError } from "@connectrpc/connect";
import { ConfigError } from "../config.ts";
import { FolderInUseError } from "../database/folder-lock.ts";
import { isConnectionFailure, sqlStateOf } from "../database/sqlstate.ts";
import { MissingEventsError } from "../importers/read-chunks.ts";
import { ExportBrokenError } from "./exports/export-broken-error.ts";

/** Says in words what kept a command from doing its work, and what to do about it. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ExportBrokenError) return error.message;
  if (error instanceof MissingEventsError) return error.message;
  if (error instanceof FolderInUseError) {
    return (
      `Wellvault is already running here: ${error.message}\n` +
      "Stop it first, or start this one with another WELLVAULT_DATA_DIR and WELLVAULT_PORT."
    );
  }
  if (error instanceof ConnectError) return `The call failed (${Code[error.code]}): ${error.rawMessage}`;
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  const path = "path" in error ? ` (${error.path})` : "";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `This user may not do that${path}: ${error.message}. Choose another WELLVAULT_DATA_DIR or WELLVAULT_PORT.`;
    case "EEXIST":
    case "ENOTDIR":
      return `The data folder is not a folder${path}. Choose another WELLVAULT_DATA_DIR.`;
    case "ENOSPC":
      return `The disk is full${path}. Make room, or choose another WELLVAULT_DATA_DIR.`;
  }
  if (/does not support SSL/.test(error.message)) {
    return "The database does not speak TLS, which sslmode in DATABASE_URL demands.";
  }
  if (/password must be a string/.test(error.message)) {
    return "The database wants a password and DATABASE_URL holds none.";
  }
  if (code === "EADDRINUSE") {
    return "The port is taken by another program. Stop it, or choose another one with WELLVAULT_PORT.";
  }
  switch (sqlStateOf(error)) {
    case "28P01":
    case "28000":
      return "The database refused the user or password in DATABASE_URL.";
    case "3D000":
      return "The database named in DATABASE_URL does not exist. Create it first: createdb NAME.";
    case "42501":
      return (
        `The role in DATABASE_URL may not set the database up (${error.message}). ` +
        (hintOf(error) ?? "It must be a superuser, or own the database and have CREATEROLE.")
      );
  }
  if (isConnectionFailure(error)) return `The database cannot be reached: ${error.message || code}.`;
  const hint = hintOf(error);
  // A hint is written for people: with one, where the error was thrown says nothing more.
  return hint === undefined ? (error.stack ?? error.message) : `${error.message}\n${hint}`;
}

/** The hint that PostgreSQL, or a migration, gave with an error. */
function hintOf(error: Error): string | undefined {
  return "hint" in error && typeof error.hint === "string" && error.hint !== "" ? error.hint : undefined;
}

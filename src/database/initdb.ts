import { randomBytes } from "node:crypto";
import { appendFile, chmod, chown, mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PostgresPrograms } from "./binaries.ts";
import { runProgram } from "./run-program.ts";

/** Name of the embedded server's superuser. */
export const superuser = "postgres";

/**
 * Creates the data of an embedded server, whole or not at all, with a password made up for it.
 *
 * @param data folder to create
 * @param passwordFile file to write the superuser's password to
 * @param disposable whether durability is given up for speed
 */
export async function initialise(
  programs: PostgresPrograms,
  data: string,
  passwordFile: string,
  disposable: boolean,
): Promise<void> {
  const { owner } = programs;
  await mkdir(data, { mode: 0o700 });
  if (owner) await chown(data, owner.uid, owner.gid);
  await writeFile(passwordFile, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
  if (owner) await chown(passwordFile, owner.uid, owner.gid);
  try {
    await runProgram(programs, "initdb", [
      `--pgdata=${data}`,
      "--auth=scram-sha-256",
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--encoding=UTF8",
      "--locale=C",
      "--no-instructions",
      ...(disposable ? ["--no-sync"] : []),
    ]);
    await appendFile(join(data, "postgresql.conf"), settings(disposable));
    const marker = await open(join(data, ".initialised"), "w");
    await marker.close();
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
  if (owner) await chown(passwordFile, 0, 0);
  await chmod(passwordFile, 0o600);
}

function settings(disposable: boolean): string {
  const lines = [
    "",
    "# Wellvault",
    "listen_addresses = '127.0.0.1'",
    // No socket file: it would be a second door, in a folder that others share.
    "unix_socket_directories = ''",
    "max_connections = 200",
    // A dump of a database with many schemas locks every table at once.
    "max_locks_per_transaction = 512",
    "jit = off",
    // Values in statements are health data: keep them out of the log.
    "log_error_verbosity = terse",
    "log_min_error_statement = panic",
    "log_parameter_max_length = 0",
    "log_parameter_max_length_on_error = 0",
  ];
  if (disposable) lines.push("fsync = off", "synchronous_commit = off", "full_page_writes = off");
  return `${lines.join("\n")}\n`;
}

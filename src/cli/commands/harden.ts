import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";

/** `wellvault harden`: what a migration by a role that is no superuser cannot do. */
export function hardenCommand(io: CommandIo): Command {
  return new Command("harden")
    .description(
      "take from PUBLIC what lets a statement look out of its vault; once, with the DATABASE_URL of a superuser",
    )
    .action(() => runHarden(io));
}

async function runHarden(io: CommandIo): Promise<void> {
  io.stderr.write("Hardening the database ...\n");
  const { readConfig, ConfigError } = await import("../../config.ts");
  const { hardenDatabase } = await import("../../database/harden.ts");
  const { databaseUrl } = readConfig(io.env);
  if (!databaseUrl) {
    throw new ConfigError(
      "DATABASE_URL must name the database as a superuser; the embedded one is hardened at each start.",
    );
  }
  if (await hardenDatabase(databaseUrl)) {
    io.stdout.write("Hardened: PUBLIC has nothing that it must not have.\n");
    return;
  }
  io.exitCode = 1;
  io.stdout.write("Not hardened: the role in DATABASE_URL is no superuser. Ask somebody who is one.\n");
}

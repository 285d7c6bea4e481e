import { Command, CommanderError } from "commander";
import type { CommandIo } from "./command-io.ts";
import { exportCommand } from "./commands/export.ts";
import { hardenCommand } from "./commands/harden.ts";
import { importCommand } from "./commands/import.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { startCommand } from "./commands/start.ts";
import { tokenCommand } from "./commands/token.ts";
import { verifyCommand } from "./commands/verify.ts";

const commands = [
  startCommand,
  importCommand,
  exportCommand,
  migrateCommand,
  hardenCommand,
  verifyCommand,
  keysCommand,
  tokenCommand,
];

/**
 * Runs the `wellvault` command. Each subcommand is a file of its own in commands/; a subcommand loads what it
 * needs when it runs, so that asking for help costs nothing.
 *
 * @param args what stands behind the command's name
 * @param io is told the exit code, too: 2 when the command line or a setting cannot be used, otherwise as the
 *   subcommand's help says
 */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<void> {
  const wellvault = new Command("wellvault")
    .description("Multi-tenant employee wellness data over gRPC.")
    .helpCommand(false)
    .showHelpAfterError("(--help lists what there is)")
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride();
  for (const make of commands) {
    const command = make(io).copyInheritedSettings(wellvault);
    for (const inner of command.commands) inner.copyInheritedSettings(wellvault);
    wellvault.addCommand(command);
  }
  try {
    await wellvault.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said why already. Asking for help is no error.
      io.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const { explain } = await import("./explain.ts");
    io.stderr.write(`\n${explain(error)}\n`);
    io.exitCode ??= error instanceof Error && error.name === "ConfigError" ? 2 : 1;
  }
}

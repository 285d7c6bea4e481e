#!/usr/bin/env node
import { Command } from "commander";
import { exportCommand } from "./commands/export.ts";
import { hardenCommand } from "./commands/harden.ts";
import { importCommand } from "./commands/import.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { startCommand } from "./commands/start.ts";
import { tokenCommand } from "./commands/token.ts";
import { verifyCommand } from "./commands/verify.ts";
import { explain } from "./explain.ts";

/**
 * The `wellvault` command. Each subcommand is a file of its own in commands/; a subcommand loads what it
 * needs when it runs, so that asking for help costs nothing.
 */
const wellvault = new Command("wellvault")
  .description("Multi-tenant employee wellness data over gRPC.")
  .helpCommand(false)
  .showHelpAfterError("(--help lists what there is)")
  // A command line that cannot be used ends with 2, as a setting that cannot be used does.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
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
for (const make of commands) {
  const command = make().copyInheritedSettings(wellvault);
  for (const inner of command.commands) inner.copyInheritedSettings(wellvault);
  wellvault.addCommand(command);
}

try {
  await wellvault.parseAsync();
} catch (error) {
  process.stderr.write(`\n${explain(error)}\n`);
  process.exitCode ??= error instanceof Error && error.name === "ConfigError" ? 2 : 1;
}

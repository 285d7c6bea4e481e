import { ConfigError } from "../config.ts";
import { explain } from "./explain.ts";

/**
 * Ends the process as a command ended: exit code 0, or with what kept it from its work on standard error
 * and 2 when that was a setting, 1 otherwise.
 */
export async function endAs(command: Promise<void>): Promise<never> {
  try {
    await command;
  } catch (error) {
    process.stderr.write(`\n${explain(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
  process.exit();
}

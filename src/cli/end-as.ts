import { ConfigError } from "../config.ts";

/**
 * Ends the process as a command ended: exit code 0, or with what kept it from its work on standard error
 * and 2 when that was a setting, 1 otherwise.
 */
export async function endAs(command: Promise<void>): Promise<never> {
  try {
    await command;
  } catch (error) {
    const { explain } = await import("./explain.ts");
    process.stderr.write(`\n${explain(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
  process.exit();
}

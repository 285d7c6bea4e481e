import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";
import { commonHelp, commonOptions, type ImportOptions } from "../imports/options.ts";

/** The options of `wellvault import apple-health` as commander reads them. */
interface AppleHealthImportOptions extends ImportOptions {
  readonly employee: string;
}

/** `wellvault import apple-health`: brings what a phone and a watch recorded of one person into a tenant. */
export function importAppleHealthCommand(io: CommandIo): Command {
  const command = new Command("apple-health")
    .description("store what one person's export of Apple Health holds")
    .argument("<file>", "the export.xml of the export")
    .requiredOption("--employee <external id>", "the employee whose export it is; the file does not say it");
  for (const option of commonOptions()) command.addOption(option);
  return command.addHelpText("after", commonHelp).action(async (file: string, options: AppleHealthImportOptions) => {
    const { importSamples } = await import("../import-samples.ts");
    const { appleHealthSource } = await import("../imports/apple-health-source.ts");
    io.exitCode = await importSamples(appleHealthSource(file, options.employee), options, io);
  });
}

import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";
import { commonHelp, commonOptions, type ImportOptions, integer } from "../imports/options.ts";

/** The options of `wellvault import fitabase` as commander reads them. */
interface FitabaseImportOptions extends ImportOptions {
  readonly utcOffsetMinutes: number;
}

/** `wellvault import fitabase`: brings what Fitbit trackers recorded into a tenant. */
export function importFitabaseCommand(io: CommandIo): Command {
  const command = new Command("fitabase")
    .description("store what a Fitabase export of Fitbit trackers holds; each Id is an employee's external id")
    .argument("<folder>", "holds any of the export's CSV files: days, hours of steps, nights, weights, heart rates")
    .requiredOption(
      "--utc-offset-minutes <n>",
      "minutes east of Greenwich of the trackers' clock, -840 to 840; the files do not say it",
      (text) => integer("--utc-offset-minutes", text, -840, 840),
    );
  for (const option of commonOptions()) command.addOption(option);
  return command.addHelpText("after", commonHelp).action(async (folder: string, options: FitabaseImportOptions) => {
    const { importSamples } = await import("../import-samples.ts");
    const { fitabaseSource } = await import("../imports/fitabase-source.ts");
    io.exitCode = await importSamples(await fitabaseSource(folder, options.utcOffsetMinutes), options, io);
  });
}

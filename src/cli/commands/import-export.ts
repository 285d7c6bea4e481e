import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";
import type { ImportExportOptions } from "../import-export.ts";

/** `wellvault import export`: writes what `wellvault export employee` wrote back into a tenant. */
export function importExportCommand(io: CommandIo): Command {
  return new Command("export")
    .description("write a folder of `wellvault export employee` back into a tenant")
    .argument("<folder>", "the folder with manifest.json")
    .requiredOption("--tenant <id>", "the tenant to write into")
    .option(
      "--employee <id>",
      "the employee to write to; default the one with the export's external id, made if missing",
    )
    .option("--address <url>", "where the service listens", "http://127.0.0.1:8080")
    .option("--token-file <file>", "file with that employee's token; default the variable WELLVAULT_TOKEN")
    .option("--json", "print the summary as JSON")
    .addHelpText(
      "after",
      "\nThe folder is checked against its manifest before anything is written. What is there in the same or a higher\n" +
        "version, or was deleted, stays as it is, so importing again changes nothing. Without a token the calls carry the\n" +
        "metadata of the development identity. Exit codes: 0 all of it is there, 1 it is not, 2 the command cannot be used so.",
    )
    .action(async (folder: string, options: ImportExportOptions) => {
      const { importExport } = await import("../import-export.ts");
      await importExport(folder, options, io);
    });
}

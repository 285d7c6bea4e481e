import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";
import type { ImportEmployeesOptions } from "../import-employees.ts";
import { importAppleHealthCommand } from "./import-apple-health.ts";
import { importExportCommand } from "./import-export.ts";
import { importFhirCommand } from "./import-fhir.ts";
import { importFitabaseCommand } from "./import-fitabase.ts";

/** `wellvault import`: brings what other systems have into a tenant, through the API. */
export function importCommand(io: CommandIo): Command {
  return new Command("import")
    .description("bring files of other systems into a tenant, through the API of a running service")
    .helpCommand(false)
    .addCommand(employeesCommand(io))
    .addCommand(importFitabaseCommand(io))
    .addCommand(importAppleHealthCommand(io))
    .addCommand(importFhirCommand(io))
    .addCommand(importExportCommand(io));
}

function employeesCommand(io: CommandIo): Command {
  return new Command("employees")
    .description("create and change a tenant's employees as a CSV file with a header line has them")
    .argument("<file>", "columns: external_id, and any of display_name, team, location, time_zone, state")
    .requiredOption("--tenant <id>", "the tenant whose employees they are")
    .option("--address <url>", "where the service listens", "http://127.0.0.1:8080")
    .option("--token-file <file>", "file with a company_admin's token; default the variable WELLVAULT_TOKEN")
    .option("--dry-run", "check everything and say what would be done, and do nothing")
    .option("--json", "print the summary as JSON")
    .addHelpText(
      "after",
      "\nEmployees that the file does not hold stay as they are. Without a token the calls carry the metadata of the\n" +
        "development identity. Exit codes: 0 every row is as the file has it, 1 rows were refused or a call failed, 2 the\n" +
        "command cannot be used so.",
    )
    .action(async (file: string, options: ImportEmployeesOptions) => {
      const { importEmployees } = await import("../import-employees.ts");
      io.exitCode = await importEmployees(file, options, io);
    });
}

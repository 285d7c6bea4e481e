import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";
import type { ExportEmployeeOptions } from "../export-employee.ts";

/** `wellvault export`: takes what is kept out of a tenant, through the API. */
export function exportCommand(io: CommandIo): Command {
  return new Command("export")
    .description("take what is kept out of a tenant, through the API of a running service")
    .helpCommand(false)
    .addCommand(employeeCommand(io));
}

function employeeCommand(io: CommandIo): Command {
  return new Command("employee")
    .description("write everything that is kept of an employee into a folder, as that employee")
    .argument("<id>", "the employee's id, a UUID made by the service")
    .requiredOption("--tenant <id>", "the tenant that the employee is of")
    .requiredOption("--out <folder>", "where to write to; made when it is not there, otherwise empty")
    .option("--address <url>", "where the service listens", "http://127.0.0.1:8080")
    .option("--token-file <file>", "file with the employee's token; default the variable WELLVAULT_TOKEN")
    .option("--json", "print the summary as JSON")
    .addHelpText(
      "after",
      "\nThe folder gets a file of NDJSON for each type of record, and manifest.json when all of them are whole. Without a\n" +
        "token the call carries the metadata of the development identity. Exit codes: 0 all of it is written and checked, 1\n" +
        "it is not, and nothing of it is left in the folder, 2 the command cannot be used so.",
    )
    .action(async (id: string, options: ExportEmployeeOptions) => {
      const { exportEmployee } = await import("../export-employee.ts");
      await exportEmployee(id, options, io);
    });
}

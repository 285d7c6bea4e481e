import { Command, Option } from "commander";
import type { CommandIo } from "../command-io.ts";
import type { FhirOptions } from "../imports/fhir-source.ts";
import { commonHelp, commonOptions, type ImportOptions, integer } from "../imports/options.ts";

/** `wellvault import fhir`: brings what clinics and other services observed into a tenant. */
export function importFhirCommand(io: CommandIo): Command {
  const command = new Command("fhir")
    .description("store what observations of FHIR R4 say: a Bundle, or a resource a line")
    .argument("<file>", "a Bundle in JSON, or NDJSON as a bulk export has it")
    .option("--employee <external id>", "the employee that all of it is of; default those whom the subjects name")
    .option(
      "--utc-offset-minutes <n>",
      "minutes east of Greenwich of the people's clock, -840 to 840, for times by UTC",
      (text) => integer("--utc-offset-minutes", text, -840, 840),
    )
    .addOption(
      new Option("--format <name>", "what the file is; default ndjson for .ndjson and .jsonl, else bundle").choices([
        "bundle",
        "ndjson",
      ]),
    );
  for (const option of commonOptions()) command.addOption(option);
  return command.addHelpText("after", commonHelp).action(async (file: string, options: ImportOptions & FhirOptions) => {
    const { importSamples } = await import("../import-samples.ts");
    const { fhirSource } = await import("../imports/fhir-source.ts");
    io.exitCode = await importSamples(fhirSource(file, options), options, io);
  });
}

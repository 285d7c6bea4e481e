import { Option } from "commander";
import { ConfigError } from "../../config.ts";

/** The options of every `wellvault import` of samples as commander reads them. */
export interface ImportOptions {
  readonly tenant: string;
  readonly address: string;
  readonly tokenFile?: string;
  readonly progressFile?: string;
  readonly retrySeconds: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The options that every import of samples has. */
export function commonOptions(): Option[] {
  return [
    new Option("--tenant <id>", "the tenant whose employees the samples are of").makeOptionMandatory(),
    new Option("--address <url>", "where the service listens").default("http://127.0.0.1:8080"),
    new Option("--token-file <file>", "file with an ingest_service's token; default the variable WELLVAULT_TOKEN"),
    new Option("--progress-file <file>", "where to keep how far it is; default beside what is imported"),
    new Option("--retry-seconds <n>", "how long to repeat a call that fails in a way that passes, 0 to 3600")
      .default(60)
      .argParser((text) => integer("--retry-seconds", text, 0, 3_600)),
    new Option("--dry-run", "check everything and say what would be sent, and send nothing"),
    new Option("--json", "print the summary as JSON"),
  ];
}

/**
 * Reads a whole number of the command line.
 *
 * @throws ConfigError when it is none, or out of bounds
 */
export function integer(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^-?\d{1,9}$/.test(text) && value >= min && value <= max) return value;
  throw new ConfigError(`${option} must be a whole number from ${min} to ${max}.`);
}

/** What the help of every import of samples says. */
export const commonHelp =
  "\nWriting again what is there changes nothing. An import that was cut off goes on where it was when it is started\n" +
  "again. Without a token the calls carry the metadata of the development identity. Exit codes: 0 all of it is there,\n" +
  "1 something was refused, the input was not read to its end or the import not finished, 2 the command cannot be\n" +
  "used so.";

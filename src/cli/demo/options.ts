import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fitabaseFiles } from "../../importers/fitabase-files.ts";

/** What the demo is told to do. */
export interface DemoOptions {
  /** Folder of the Fitabase export. */
  readonly folder: string;
  /** Minutes east of Greenwich of the clock that the export's times are by. */
  readonly utcOffsetMinutes: number;
  /** Whether the summary is printed as JSON on standard output, and all else on standard error. */
  readonly json: boolean;
}

/** A command line that cannot be used. The message says what it must be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What `--help` prints. */
export const usage = `Usage: npm run demo -- [options]

Imports a Fitabase export of Fitbit data into three companies of a temporary database, through the gRPC API, reads
everything back, imports it again, and shows what is refused. Exit code 0 means that every step held.

  --data DIR            folder of the export's five files; default WELLVAULT_FITABASE_DIR, else the excerpt in
                        test/fixtures/fitabase
  --utc-offset MINUTES  minutes east of Greenwich of the clock that the export's times are by, -840 to 840;
                        default -300
  --json                print the summary as JSON on standard output, and everything else on standard error
  --help                print this

The demo starts a PostgreSQL server of its own in a temporary folder and removes it at the end. It never touches the
database of DATABASE_URL.
`;

const excerpt = join(import.meta.dirname, "../../../test/fixtures/fitabase");

/**
 * Reads the command line.
 *
 * @param args the arguments after the program's name
 * @returns the options, or `help` when the usage is asked for
 * @throws UsageError when an argument is unknown or cannot be used
 */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): DemoOptions | "help" {
  const { data, "utc-offset": offset, json, help } = parse(args);
  if (help) return "help";
  if (!/^-?\d+$/.test(offset) || Math.abs(Number(offset)) > 840) {
    throw new UsageError("--utc-offset must be a whole number of minutes from -840 to 840");
  }
  const folder = resolve(data ?? (env["WELLVAULT_FITABASE_DIR"] || excerpt));
  const missing = fitabaseFiles.map((file) => file.name).filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) throw new UsageError(`${folder} does not hold ${missing.join(", ")}`);
  return { folder, utcOffsetMinutes: Number(offset), json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: joinOffset(args),
      options: {
        data: { type: "string" },
        "utc-offset": { type: "string", default: "-300" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A negative offset looks like an option to parseArgs, unless it is joined to its own. */
function joinOffset(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (joined.at(-1) === "--utc-offset" && /^-\d/.test(arg)) joined.splice(-1, 1, `--utc-offset=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

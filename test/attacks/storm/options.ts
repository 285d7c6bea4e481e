import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** How big a storm is. */
export interface StormOptions {
  /** Companies, 2 to 1,000. */
  readonly tenants: number;
  /** Calls, not counting those that provision before and read back after. */
  readonly calls: number;
  /** Connections to the database that data calls share. */
  readonly pool: number;
  /** Logins of the data plane that the vaults are spread over. */
  readonly logins: number;
  /** Calls at the same time. */
  readonly parallel: number;
  /** Connections to the service. */
  readonly connections: number;
  /** When no new call is made any more, in seconds from the first. */
  readonly secondsMax: number;
  /** What the choices are made from; the order in which calls end is chance all the same. */
  readonly seed: number;
}

/** The storm of `npm run storm`. */
export const fullStorm: StormOptions = {
  tenants: 200,
  calls: 100_000,
  pool: 8,
  logins: 2,
  parallel: 48,
  connections: 6,
  secondsMax: 480,
  seed: 1,
};

/** What `--help` prints. */
export const usage = `Usage: npm run storm -- [options]

Sends mixed calls of many companies at once to a real service with a small pool, with errors, cancels and deadlines
thrown in, checks every answer for rows of another company, and reads back at the end, by the API and by SQL, that no
acknowledged write was lost and that no row stands where it does not belong. Exit code 0 means that all of it held.

  --tenants N      companies, 2 to 1000; default ${fullStorm.tenants}
  --calls N        calls, 1 to 10000000; default ${fullStorm.calls}
  --pool N         connections to the database, 1 to 100; default ${fullStorm.pool}
  --logins N       data-plane logins that the vaults are spread over, 1 to 99; default ${fullStorm.logins}
  --parallel N     calls at the same time, 1 to 1000; default ${fullStorm.parallel}
  --connections N  connections to the service, 1 to 100; default ${fullStorm.connections}
  --seconds-max N  make no new call after this time, 1 to 86400; default ${fullStorm.secondsMax}
  --seed N         what the choices are made from; default ${fullStorm.seed}
  --json           print the summary as JSON on standard output, and everything else on standard error
  --help           print this

It starts a PostgreSQL server and a service of its own and removes both at the end.
`;

/** The options with their least and greatest value. */
const numbers: Readonly<Record<string, readonly [name: keyof StormOptions, least: number, greatest: number]>> = {
  tenants: ["tenants", 2, 1_000],
  calls: ["calls", 1, 10_000_000],
  pool: ["pool", 1, 100],
  logins: ["logins", 1, 99],
  parallel: ["parallel", 1, 1_000],
  connections: ["connections", 1, 100],
  "seconds-max": ["secondsMax", 1, 86_400],
  seed: ["seed", 0, 2 ** 31],
};

/**
 * Reads the command line.
 *
 * @returns undefined when help is asked for
 * @throws Error that says what an option must be
 */
export function readStormOptions(args: readonly string[]): { storm: StormOptions; json: boolean } | undefined {
  const known: ParseArgsOptionsConfig = { json: { type: "boolean" }, help: { type: "boolean" } };
  for (const name of Object.keys(numbers)) known[name] = { type: "string" };
  const { values } = parseArgs({ args: [...args], options: known });
  if (values["help"]) return undefined;
  const given = Object.entries(numbers).flatMap(([option, [name, least, greatest]]) => {
    const text = values[option];
    if (typeof text !== "string") return [];
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > greatest) {
      throw new Error(`--${option} must be a whole number from ${least} to ${greatest}.`);
    }
    return [[name, value]];
  });
  return { storm: { ...fullStorm, ...Object.fromEntries(given) }, json: values["json"] === true };
}

/**
 * `npm run attacks`: makes the attacks of the catalogue and nothing else, and prints a table of them.
 * Exit code 1 when one did not end as expected or was not made, 2 for a wrong command line.
 */
import { parseArgs } from "node:util";
import { chapters } from "./support/catalogue.ts";

const usage = `Usage: npm run attacks -- [options]

Makes every attack of the catalogue against a real PostgreSQL and prints what it met.

  --json FILE  write the results to FILE as JSON, too
  --help       show this

WELLVAULT_TEST_DATABASE_URL names another server to attack, by a superuser's URL.`;

const options = readOptions();
if (options?.help) console.log(usage);
else if (options) {
  console.log("Attacking. PostgreSQL starts first; the table comes when all attacks have been made.");
  const [{ startVitest }, { AttackReporter }] = await Promise.all([
    import("vitest/node"),
    import("./support/reporter.ts"),
  ]);
  const files = ["catalogue.test.ts", ...Object.keys(chapters)].map((file) => `test/attacks/${file}`);
  const vitest = await startVitest(files, { watch: false, reporters: [new AttackReporter(options.json)] });
  await vitest.close();
}

function readOptions(): { readonly json?: string | undefined; readonly help?: boolean | undefined } | undefined {
  try {
    return parseArgs({ options: { json: { type: "string" }, help: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exitCode = 2;
    return undefined;
  }
}

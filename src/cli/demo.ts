import { type DemoOptions, readOptions, UsageError, usage } from "./demo/options.ts";
import type { DemoSummary } from "./demo/summary.ts";

/** Exit codes of what stops the demo from outside, as a shell gives them. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGPIPE: 141 } as const;

/** Runs the demo of the command line and returns the exit code. */
async function main(): Promise<number> {
  let options: DemoOptions | "help";
  try {
    options = readOptions(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\nnpm run demo -- --help lists the options.\n`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(usage);
    return 0;
  }
  return await run(options);
}

async function run(options: DemoOptions): Promise<number> {
  const stopping = new AbortController();
  let stoppedBy: keyof typeof exitCodes | undefined;
  function stop(name: keyof typeof exitCodes): void {
    stoppedBy ??= name;
    stopping.abort(new Error(`The demo was stopped by ${name}.`));
  }
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stop(name));
  // Whoever read the output is gone, as `head` is after some lines. The database must not stay behind.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stop("SIGPIPE"));

  // Before anything heavy is loaded, so that the first line comes at once.
  const stream = options.json ? process.stderr : process.stdout;
  stream.write("Wellvault demo: real data of Fitbit trackers in a temporary database.\n");
  if (process.env["DATABASE_URL"]) stream.write("The database of DATABASE_URL is left alone.\n");

  const { runDemo } = await import("./demo/run-demo.ts");
  const { printSummary } = await import("./demo/print-summary.ts");
  const { explain } = await import("./explain.ts");
  let summary: DemoSummary;
  try {
    summary = await runDemo(options, stream, stopping.signal);
  } catch (error) {
    // What fails while the demo cleans up comes with what failed before it.
    const failed = error instanceof SuppressedError;
    if (stoppedBy && !failed) process.stderr.write("\nStopped; the temporary database is gone.\n");
    else process.stderr.write(`\n${explain(failed ? error.error : error)}\n`);
    return stoppedBy ? exitCodes[stoppedBy] : 1;
  }
  process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : printSummary(summary));
  return summary.ok ? 0 : 1;
}

process.exitCode = await main();

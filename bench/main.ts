import { type BenchOptions, readOptions, UsageError, usage } from "./options.ts";
import { listenForStop } from "./stopping.ts";

/** Runs the benchmark of the command line and returns the exit code. */
async function main(): Promise<number> {
  let options: BenchOptions | "help";
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\nnpm run bench -- --help lists the options.\n`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(usage);
    return 0;
  }
  const stopping = listenForStop();
  // Before anything heavy is loaded, so that the first line comes at once.
  const stream = options.json ? process.stderr : process.stdout;
  stream.write("Wellvault benchmark: everything runs on this machine, and nothing else should.\n");
  try {
    const { toJson } = await import("./report/json.ts");
    const results = await measure(options, stream, stopping.signal);
    if (options.json) process.stdout.write(`${toJson(results)}\n`);
    if (results.problems.length === 0) return 0;
    stream.write(`\nNot every call did what it said:\n${results.problems.map((problem) => `  ${problem}\n`).join("")}`);
    return 1;
  } catch (error) {
    const { explain } = await import("../src/cli/explain.ts");
    const failed = error instanceof SuppressedError;
    const exitCode = stopping.exitCode();
    if (exitCode && !failed) process.stderr.write("\nStopped; the temporary databases are gone.\n");
    else process.stderr.write(`\n${explain(failed ? error.error : error)}\n`);
    return exitCode ?? 1;
  }
}

async function measure(
  options: BenchOptions,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<{ readonly problems: readonly string[] }> {
  if (options.vaults > 0) {
    const { runScale } = await import("./run-scale.ts");
    return await runScale(options, stream, signal);
  }
  if (options.samples) {
    const { runSamples } = await import("./run-samples.ts");
    return await runSamples(options, stream, signal);
  }
  const { runBench } = await import("./run-bench.ts");
  return await runBench(options, stream, signal);
}

process.exitCode = await main();

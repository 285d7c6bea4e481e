import { stat } from "node:fs/promises";
import { ConfigError } from "../config.ts";
import { runImport } from "../importers/run-import.ts";
import { showProgress } from "./demo/progress.ts";
import type { ImportSource } from "./imports/import-source.ts";
import { openProgress } from "./imports/keep-progress.ts";
import type { ImportOptions } from "./imports/options.ts";
import { countsText, ImportReport, summaryText } from "./imports/report.ts";
import { samplesSender } from "./imports/send-samples.ts";
import { openTenantCaller } from "./tenant-caller.ts";

/** The user wants the import to end. */
class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/**
 * Imports samples and prints what became of them. SIGINT and SIGTERM end it once the batches under way are answered; a
 * second one ends it at once.
 *
 * @returns the exit code: 1 when something was refused, or the input was not read to its end, 0 otherwise
 * @throws ConfigError when the input or an option cannot be used, ConnectError when a call fails for good
 */
export async function importSamples(source: ImportSource, options: ImportOptions): Promise<0 | 1> {
  const { tenant, dryRun = false } = options;
  const total = await sizeOf(source.files);
  using caller = await openTenantCaller(
    { ...options, role: "ingest_service", tokenFile: options.tokenFile },
    process.env,
  );
  const tty = process.stderr.isTTY;
  const say = (text: string) => process.stderr.write(`${tty ? "\r\u001b[K" : ""}${text}\n`);
  for (const notice of source.notices) say(notice);
  const { state, resumed, file } = await openProgress(source, options, say);
  say(
    `${dryRun ? "Checking" : "Importing"} ${source.input} for ${tenant}${resumed ? ", where it was cut off" : ""} ...`,
  );

  const interruption = new AbortController();
  const onSignal = () => interruption.abort(new InterruptedError("interrupted"));
  const { signal } = interruption;
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, onSignal);
  const report = new ImportReport(say);
  const progress = tty ? showProgress(process.stderr, total, "bytes") : undefined;
  let bytesDone = 0;
  try {
    await runImport(source.read(), {
      state,
      signal,
      onProblem: (problem) => report.problem(problem),
      onState: () => file?.save(state),
      onBytes(bytes) {
        progress?.add(bytes - bytesDone);
        bytesDone = bytes;
      },
      send: samplesSender(caller, {
        dryRun,
        onRefusedPerson: (...person) => report.refusedPerson(...person),
        retry: {
          signal,
          seconds: options.retrySeconds,
          onRetry: atTimes((error) => say(`A call failed and is repeated: ${error.rawMessage}`)),
        },
      }),
    });
  } catch (error) {
    await file?.settle();
    const kept = file !== undefined && file.failure === undefined;
    const begun = state.position > 0 || state.done.length > 0;
    if (!begun) await file?.remove();
    say(`Not finished: ${countsText(state.counts, dryRun)}. ${goOn({ dryRun, begun, kept })}`);
    if (error instanceof InterruptedError) return 1;
    throw error;
  } finally {
    progress?.[Symbol.dispose]();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
  }
  await file?.remove();
  const people = [...report.people.values()];
  const { counts, complete } = state;
  const summary = {
    input: source.input,
    tenant,
    dryRun,
    resumed,
    ...counts,
    complete,
    people,
    problems: report.problems,
  };
  process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : summaryText(state, report, dryRun));
  return counts.refused > 0 || !complete ? 1 : 0;
}

function goOn({ dryRun, begun, kept }: Record<"dryRun" | "begun" | "kept", boolean>): string {
  if (dryRun) return "Nothing was sent.";
  if (!begun) return "The same command begins again.";
  const where = kept ? "goes on from there" : "sends everything again, which changes nothing that is stored";
  return `What is stored stays; the same command ${where}.`;
}

/** Batches that fail together need not say so each: tells of what happens once in a while. */
function atTimes<T>(tell: (what: T) => void): (what: T) => void {
  let quietUntil = 0;
  return (what) => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + 5_000;
    tell(what);
  };
}

async function sizeOf(files: readonly string[]): Promise<number> {
  let total = 0;
  for (const file of files) {
    const found = await stat(file).catch((error: Error) => {
      throw new ConfigError(`The input cannot be read: ${error.message}`);
    });
    if (!found.isFile()) throw new ConfigError(`${file} is not a file.`);
    total += found.size;
  }
  return total;
}

import { once } from "node:events";
import type { Writable } from "node:stream";
import { runImport } from "../importers/run-import.ts";
import type { CommandIo, Terminal } from "./command-io.ts";
import { showProgress } from "./demo/progress.ts";
import { checkInput } from "./imports/check-input.ts";
import type { ImportSource } from "./imports/import-source.ts";
import { InterruptedError, listenForInterruption } from "./imports/interruption.ts";
import { type KeptProgress, notKeptText, openProgress } from "./imports/keep-progress.ts";
import type { ImportOptions } from "./imports/options.ts";
import { countsText, ImportReport, summaryText } from "./imports/report.ts";
import { samplesSender } from "./imports/send-samples.ts";
import { openTenantCaller, type TenantCaller } from "./tenant-caller.ts";

/**
 * Imports samples and prints what became of them. SIGINT and SIGTERM end it once the batches under way are answered; a
 * second one, half a second later or more, ends it at once.
 *
 * @returns the exit code: 1 when something was refused, or the input was not read to its end, 0 otherwise
 * @throws ConfigError when the input or an option cannot be used, ConnectError when a call fails for good
 */
export async function importSamples(source: ImportSource, options: ImportOptions, io: CommandIo): Promise<0 | 1> {
  const { tenant, dryRun = false } = options;
  const total = await checkInput(source.files);
  using caller = await openTenantCaller({ ...options, role: "ingest_service", tokenFile: options.tokenFile }, io.env);
  const tty = io.stderr.isTTY;
  const say = (text: string) => io.stderr.write(`${tty ? "\r\u001b[K" : ""}${text}\n`);
  for (const notice of source.notices) say(notice);
  const kept = await openProgress(source, options, say);
  try {
    say(
      `${dryRun ? "Checking" : "Importing"} ${source.input} for ${tenant}${kept.resumed ? ", where it was cut off" : ""} ...`,
    );
    const report = new ImportReport(say);
    const failure = await run(source, options, { total, caller, kept, report, say, stderr: io.stderr });
    if (failure) say(await notFinished(kept, dryRun));
    else await kept.file?.remove();
    print(source, options, kept, report, failure === undefined, io.stdout);
    if (failure && !(failure.error instanceof InterruptedError)) throw failure.error;
    const { counts, complete } = kept.state;
    return failure || counts.refused > 0 || !complete ? 1 : 0;
  } finally {
    await kept.release();
  }
}

interface Running {
  /** Bytes of the input. */
  readonly total: number;
  readonly caller: TenantCaller;
  readonly kept: KeptProgress;
  readonly report: ImportReport;
  readonly say: (text: string) => void;
  readonly stderr: Terminal;
}

/** Imports until it is through, or returns what kept it from that. */
async function run(
  source: ImportSource,
  { dryRun = false, retrySeconds }: ImportOptions,
  { total, caller, kept: { state, file }, report, say, stderr }: Running,
): Promise<{ readonly error: unknown } | undefined> {
  using interruption = listenForInterruption();
  const { signal } = interruption;
  using progress = stderr.isTTY ? showProgress(stderr, total, "bytes") : undefined;
  let bytesDone = 0;
  let told = false;
  try {
    await runImport(source.read(), {
      state,
      signal,
      onProblem: (problem) => report.problem(problem),
      onState() {
        file?.save(state);
        if (told || file?.failure === undefined) return;
        told = true;
        say(notKeptText(file.failure));
      },
      onBytes(bytes) {
        progress?.add(bytes - bytesDone);
        bytesDone = bytes;
      },
      async onChunk() {
        // A pipe that is read slowly would fill memory with what is refused.
        if (!stderr.writableNeedDrain) return;
        await once(stderr, "drain", { signal }).catch(() => signal.throwIfAborted());
      },
      send: samplesSender(caller, {
        dryRun,
        onRefusedPerson: (...person) => report.refusedPerson(...person),
        retry: {
          signal,
          seconds: retrySeconds,
          onRetry: atTimes((error) => say(`A call failed and is repeated: ${error.rawMessage}`)),
        },
      }),
    });
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    await file?.settle();
  }
}

/** Says how far an import came, and what the same command does next. Of one that did not begin nothing is kept. */
async function notFinished({ state, file }: KeptProgress, dryRun: boolean): Promise<string> {
  const begun = state.position > 0 || state.done.length > 0;
  if (!begun) await file?.remove();
  const kept = file !== undefined && file.failure === undefined;
  return `Not finished: ${countsText(state.counts, dryRun)}. ${goOn({ dryRun, begun, kept })}`;
}

/** Prints the summary. As words there is none of an import that is not finished: standard error has said it. */
function print(
  { input }: ImportSource,
  { tenant, dryRun = false, json }: ImportOptions,
  { state, resumed }: KeptProgress,
  report: ImportReport,
  finished: boolean,
  stdout: Writable,
): void {
  const { counts, complete } = state;
  const people = [...report.people.values()];
  const { problems } = report;
  const summary = { input, tenant, dryRun, resumed, finished, ...counts, complete, people, problems };
  if (json) stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  else if (finished) stdout.write(summaryText(state, report, dryRun));
}

function goOn({ dryRun, begun, kept }: Record<"dryRun" | "begun" | "kept", boolean>): string {
  if (dryRun) return "Nothing was sent.";
  if (!begun) return "The same command begins again.";
  const where = kept
    ? "goes on from there"
    : "sends again what could not be kept, which changes nothing that is stored";
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

import { create, type DescMessage, fromJsonString, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  DeletedLogEntrySchema,
  type DeletedSample,
  DeletedSampleSchema,
  ExportRecordType,
} from "../../gen/wellvault/v1/employee_export_pb.ts";
import type { EmployeeLogService } from "../../gen/wellvault/v1/employee_log_service_pb.ts";
import { LogEntrySchema } from "../../gen/wellvault/v1/log_entry_pb.ts";
import { type MetricSample, MetricSampleSchema, SampleShape } from "../../gen/wellvault/v1/metric_pb.ts";
import type { MetricService } from "../../gen/wellvault/v1/metric_service_pb.ts";
import { WriteOutcome } from "../../gen/wellvault/v1/write_outcome_pb.ts";
import { kindsBySlug } from "../../metrics/kinds.ts";
import { ExportBrokenError } from "./export-broken-error.ts";
import { inParallel } from "./in-parallel.ts";
import type { ExportFolder, ExportLine } from "./read-export-folder.ts";

/** What became of records of one kind. */
export interface RestoreCounts {
  inserted: number;
  replaced: number;
  /** The same version was there. */
  unchanged: number;
  /** A higher version was there, or a deletion of this one. */
  stale: number;
}

/** Counts of nothing. */
export const noRecords = (): RestoreCounts => ({ inserted: 0, replaced: 0, unchanged: 0, stale: 0 });

/** Where records are written to, and where they are counted, so that it is true also when a later one fails. */
export interface RestoreTarget {
  readonly employeeId: string;
  readonly logs: Client<typeof EmployeeLogService>;
  readonly metrics: Client<typeof MetricService>;
  readonly options: CallOptions;
  readonly counts: {
    entries: RestoreCounts;
    deletedEntries: RestoreCounts;
    samples: RestoreCounts;
    deletedSamples: RestoreCounts;
  };
  /** Told after each write of how many records it held. */
  readonly onRecords: (count: number) => void;
}

/** Entries that are written at the same time: those that wait share a transaction. */
const entriesAtOnce = 16;
const batchesAtOnce = 4;
/** The most that PutSamples takes. */
const batchSize = 1_000;

const outcomes = new Map<WriteOutcome, keyof RestoreCounts>([
  [WriteOutcome.INSERTED, "inserted"],
  [WriteOutcome.REPLACED, "replaced"],
  [WriteOutcome.UNCHANGED, "unchanged"],
  [WriteOutcome.STALE, "stale"],
]);

/** Writes the entries of an export; an entry whose version is there stays as it is there. */
export async function restoreEntries(folder: ExportFolder, target: RestoreTarget): Promise<void> {
  const { employeeId, logs, options, counts, onRecords } = target;
  await inParallel(folder.lines(ExportRecordType.LOG_ENTRY), entriesAtOnce, async (line) => {
    const entry = parse(LogEntrySchema, line);
    const { outcome } = await naming(line, () => logs.putLogEntry({ employeeId, entry }, options));
    counts.entries[outcomes.get(outcome) ?? "stale"]++;
    onRecords(1);
  });
}

/**
 * Leaves a tombstone of each entry that was deleted: an entry without contents is written and deleted, for what is not
 * there cannot be. Where there is a higher version, it stays.
 */
export async function restoreDeletions(folder: ExportFolder, target: RestoreTarget): Promise<void> {
  const { employeeId, logs, options, counts, onRecords } = target;
  await inParallel(folder.lines(ExportRecordType.DELETED_LOG_ENTRY), entriesAtOnce, async (line) => {
    const { entryId, version, deleteTime } = parse(DeletedLogEntrySchema, line);
    const detail = { case: "journal", value: {} } as const;
    const entry: MessageInitShape<typeof LogEntrySchema> = {
      ...{ entryId, version, utcOffsetMinutes: 0, source: "deleted", detail },
      ...(deleteTime ? { startTime: deleteTime } : {}),
    };
    const { outcome } = await naming(line, () => logs.putLogEntry({ employeeId, entry }, options));
    if (outcome !== WriteOutcome.STALE) {
      await naming(line, () => logs.deleteLogEntry({ employeeId, entryId }, options)).catch((error: unknown) => {
        // Somebody else deleted it between the two calls.
        if (ConnectError.from(error).code !== Code.NotFound) throw error;
      });
    }
    counts.deletedEntries[outcomes.get(outcome) ?? "stale"]++;
    onRecords(1);
  });
}

/** Writes the samples of an export; a sample whose version is there stays as it is there. */
export async function restoreSamples(folder: ExportFolder, target: RestoreTarget): Promise<void> {
  await inParallel(batches(folder.lines(ExportRecordType.SAMPLE)), batchesAtOnce, async (lines) => {
    const samples = lines.map((line) => parse(MetricSampleSchema, line));
    await putBatch(lines, samples, target, target.counts.samples);
    target.onRecords(samples.length);
  });
}

/**
 * Leaves a tombstone of each sample that was deleted: a sample with the smallest value there is is written and
 * deleted, for what is not there cannot be. Where there is a higher version, it stays.
 */
export async function restoreDeletedSamples(folder: ExportFolder, target: RestoreTarget): Promise<void> {
  const { employeeId, metrics, options, counts, onRecords } = target;
  await inParallel(batches(folder.lines(ExportRecordType.DELETED_SAMPLE)), batchesAtOnce, async (lines) => {
    const [first] = lines;
    if (!first) return;
    const deleted = lines.map((line) => parse(DeletedSampleSchema, line));
    await putBatch(lines, deleted.map(toStandIn), target, counts.deletedSamples);
    const keys = deleted.map(({ kind, startTime, source, daily, version }) => ({
      ...{ kind, source, daily, version },
      ...(startTime ? { startTime } : {}),
    }));
    const selection = { case: "keys", value: { keys } } as const;
    await naming(first, () => metrics.deleteSamples({ employeeId, selection }, options));
    onRecords(lines.length);
  });
}

/** A sample that keeps the rules and says nothing, in the place of one that was deleted. */
function toStandIn({ kind: slug, startTime, utcOffsetMinutes, source, daily, version }: DeletedSample): MetricSample {
  const kind = kindsBySlug.get(slug);
  const isInterval = !daily && kind?.shapes.includes(SampleShape.INTERVAL);
  return create(MetricSampleSchema, {
    ...{ kind: slug, utcOffsetMinutes, source, daily, version, value: kind?.min ?? 0 },
    ...(startTime ? { startTime } : {}),
    ...(startTime && isInterval ? { endTime: { ...startTime, seconds: startTime.seconds + 1n } } : {}),
  });
}

async function putBatch(
  [first]: readonly ExportLine[],
  samples: MetricSample[],
  { employeeId, metrics, options }: RestoreTarget,
  counts: RestoreCounts,
): Promise<void> {
  if (!first) return;
  const written = await naming(first, () => metrics.putSamples({ employeeId, samples }, options));
  counts.inserted += written.insertedCount;
  counts.replaced += written.replacedCount;
  counts.unchanged += written.unchangedCount;
  counts.stale += written.staleCount;
}
async function* batches(lines: AsyncIterable<ExportLine>): AsyncGenerator<ExportLine[]> {
  let batch: ExportLine[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Reads a record. Fields of a newer service would be lost without a word, so they are an error. */
export function parse<Desc extends DescMessage>(schema: Desc, { file, line, text }: ExportLine): MessageShape<Desc> {
  try {
    return fromJsonString(schema, text);
  } catch {
    throw new ExportBrokenError(`${file}:${line} is no ${schema.name} that this version knows.`);
  }
}

/** Says of a call that is refused for what it holds where that stands. */
async function naming<T>({ file, line }: ExportLine, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.InvalidArgument) throw error;
    throw new ExportBrokenError(`The service refused what stands from ${file}:${line} on: ${error.rawMessage}`);
  }
}

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { fromMicros, type Micros } from "../../src/civil-time.ts";
import { type LogEntry, LogEntrySchema } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { type MetricSample, MetricSampleSchema } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { type SampleKey, SampleKeySchema } from "../../src/gen/wellvault/v1/metric_service_pb.ts";

/** An instant that tests count from: 2026-01-05T08:00:00Z. */
export const monday: Micros = 1_767_600_000_000_000n;

/** A valid sample, a heart rate at {@link monday} unless told otherwise. */
export function sample(over: Exclude<MessageInitShape<typeof MetricSampleSchema>, MetricSample> = {}): MetricSample {
  return create(MetricSampleSchema, {
    kind: "heart_rate",
    startTime: fromMicros(monday),
    utcOffsetMinutes: 0,
    value: 60,
    source: "watch",
    version: 1n,
    ...over,
  });
}

/** The natural key of a sample, of {@link sample}'s unless another is given. */
export function sampleKey({ kind, startTime, source, daily }: MetricSample = sample()): SampleKey {
  return create(SampleKeySchema, { kind, source, daily, ...(startTime ? { startTime } : {}) });
}

/** A valid log entry, a mood at {@link monday} unless told otherwise. */
export function logEntry(over: Exclude<MessageInitShape<typeof LogEntrySchema>, LogEntry> = {}): LogEntry {
  return create(LogEntrySchema, {
    entryId: "entry-1",
    startTime: fromMicros(monday),
    utcOffsetMinutes: 0,
    source: "manual",
    version: 1n,
    detail: { case: "mood", value: { valence: 1 } },
    ...over,
  });
}

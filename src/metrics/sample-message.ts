import { civilDate, fromEpoch } from "../civil-time.ts";
import type { MetricSample, RecordingMethod } from "../gen/wellvault/v1/metric_pb.ts";
import { kindsByNumber } from "./kinds.ts";
import type { SampleRow } from "./statements/list-samples.ts";

/**
 * A stored sample as the API shows it. A plain object is what `create` makes of this message, in a third of its
 * time.
 */
export function toSample(row: SampleRow): MetricSample {
  const kind = kindsByNumber.get(row.kind);
  if (!kind) throw new Error(`a sample has the unknown kind ${row.kind}`);
  const startTime = fromEpoch(row.start_epoch);
  const endTime = row.end_seconds === 0 ? undefined : fromEpoch(row.start_epoch + row.end_seconds);
  const sample: MetricSample = {
    $typeName: "wellvault.v1.MetricSample",
    kind: kind.slug,
    startTime,
    utcOffsetMinutes: row.utc_offset_minutes,
    value: row.value,
    source: row.slug,
    daily: row.daily,
    version: BigInt(row.version),
    recordingMethod: row.recording_method as RecordingMethod,
    civilDate: civilDate(kind.byWakingDay && !row.daily && endTime ? endTime : startTime, row.utc_offset_minutes),
    recordTime: fromEpoch(row.record_epoch),
  };
  if (endTime) sample.endTime = endTime;
  return sample;
}

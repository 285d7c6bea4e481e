import { create } from "@bufbuild/protobuf";
import { MetricSampleSchema, RecordingMethod } from "../../gen/wellvault/v1/metric_pb.ts";
import type { SampleEvent } from "../import-event.ts";
import { dayStart } from "./apple-time.ts";
import type { FoodSum, FoodSums } from "./food-sums.ts";
import type { SleepDay, SleepDays } from "./sleep-days.ts";

/** What the samples of an export have in common that are gathered of several records. */
export interface GatheredPlace {
  readonly externalId: string;
  readonly file: string;
  /**
   * When the export was made, in seconds since 1970: their version. What is gathered is as new as the export, whatever its
   * records say, for one that was removed makes none newer.
   */
  readonly exported: number;
}

/** The samples of what an export has in several records each, in an order that is always the same. */
export function* gatheredSamples(food: FoodSums, sleep: SleepDays, place: GatheredPlace): Generator<SampleEvent> {
  for (const sum of food.sums()) yield foodSample(sum, place);
  for (const day of sleep.days()) yield* sleepSamples(day, place);
}

function foodSample(sum: FoodSum, { externalId, file, exported }: GatheredPlace): SampleEvent {
  const { kind, source, start, end, offset, value, entered, isSum, line } = sum;
  const method = entered ? RecordingMethod.MANUAL : RecordingMethod.UNSPECIFIED;
  const sample = create(MetricSampleSchema, {
    kind,
    startTime: { seconds: BigInt(start), nanos: 0 },
    endTime: { seconds: BigInt(end), nanos: 0 },
    utcOffsetMinutes: offset,
    value,
    source,
    version: BigInt(exported),
    recordingMethod: isSum ? RecordingMethod.DERIVED : method,
  });
  return { type: "sample", externalId, sample, place: { file, line } };
}

/** The samples of a day. */
function sleepSamples(day: SleepDay, { externalId, file, exported }: GatheredPlace): SampleEvent[] {
  const { source, asleep, inBed, line } = day;
  const start = dayStart(day.day);
  const values = [
    ["sleep_duration", asleep],
    ["time_in_bed", inBed],
  ] as const;
  return values.flatMap(([kind, value]) => {
    if (value === undefined) return [];
    const sample = create(MetricSampleSchema, {
      kind,
      startTime: { seconds: BigInt(start.seconds), nanos: 0 },
      utcOffsetMinutes: start.offset,
      value,
      source,
      daily: true,
      version: BigInt(exported),
      recordingMethod: RecordingMethod.DERIVED,
    });
    return [{ type: "sample", externalId, sample, place: { file, line } }];
  });
}

import { dayMicros, isCivilMidnight, type Micros, toMicros } from "../civil-time.ts";
import { errors, type FieldViolation } from "../errors.ts";
import { type MetricSample, SampleShape } from "../gen/wellvault/v1/metric_pb.ts";
import { checkTimes } from "../time-rules.ts";
import { unknownKind } from "./chosen-kinds.ts";
import { type Kind, kindsBySlug } from "./kinds.ts";

/** A sample that keeps every rule, in the form it is stored. */
export interface StorableSample {
  readonly kind: Kind;
  readonly start: Micros;
  /** Seconds from start to end; 0 for an instant and for a day without an end. */
  readonly endSeconds: number;
  readonly utcOffsetMinutes: number;
  readonly value: number;
  readonly source: string;
  readonly daily: boolean;
  readonly version: bigint;
  readonly recordingMethod: number;
}

const hourMicros = 3_600_000_000n;

/**
 * Checks a batch against what the rules of the .proto files cannot say, and returns it ready to be
 * stored.
 *
 * @param now the server's clock
 * @throws WellvaultError FIELD_INVALID naming every bad sample by its index
 */
export function checkSamples(samples: readonly MetricSample[], now: Date): StorableSample[] {
  const violations: FieldViolation[] = [];
  const storable = samples.map((sample, index) => checkSample(sample, index, now, violations));
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
  return storable.filter((sample) => sample !== undefined);
}

/**
 * Checks one sample of a batch like {@link checkSamples}, and returns it ready to be stored, or undefined.
 *
 * @param index its place in the batch
 * @param violations what it breaks is added to these
 */
export function checkSample(
  sample: MetricSample,
  index: number,
  now: Date,
  violations: FieldViolation[],
): StorableSample | undefined {
  const path = `samples[${index}].`;
  const kind = kindsBySlug.get(sample.kind);
  if (!kind) {
    violations.push(unknownKind(`${path}kind`));
    return undefined;
  }
  const broken = violationsOf(path, sample, kind, now);
  violations.push(...broken);
  return broken.length === 0 ? toStorable(sample, kind) : undefined;
}

function violationsOf(path: string, sample: MetricSample, kind: Kind, now: Date): FieldViolation[] {
  const { startTime, endTime, utcOffsetMinutes = 0, value } = sample;
  const violations = checkTimes(path, startTime, endTime, maxSeconds(sample, kind), now);
  if (value < kind.min || value > kind.max) {
    violations.push({
      field: `${path}value`,
      description: `must be from ${kind.min} to ${kind.max} ${kind.unit} for ${kind.slug}`,
      rule: "value.bounds",
    });
  }
  const shape = shapeOf(sample);
  if (!kind.shapes.includes(shape)) {
    violations.push({
      field: shape === SampleShape.DAY ? `${path}daily` : `${path}end_time`,
      description: `${kind.slug} must be ${kind.shapes.map((allowed) => shapeRules[allowed]).join(" or ")}`,
      rule: "shape.allowed",
    });
  }
  if (!startTime) return violations;
  if (shape === SampleShape.DAY)
    violations.push(...checkDay(path, toMicros(startTime), endTime && toMicros(endTime), utcOffsetMinutes));
  else if (endTime && (toMicros(endTime) - toMicros(startTime)) % 1_000_000n !== 0n) {
    violations.push({
      field: `${path}end_time`,
      description: "must be a whole number of seconds after start_time",
      rule: "end_time.seconds",
    });
  }
  return violations;
}

function maxSeconds(sample: MetricSample, kind: Kind): number {
  if (sample.daily) return 25 * 3_600;
  return (kind.byWakingDay ? 48 : 24) * 3_600;
}

function checkDay(path: string, start: Micros, end: Micros | undefined, offset: number): FieldViolation[] {
  const violations: FieldViolation[] = [];
  if (!isCivilMidnight(start, offset)) {
    violations.push({
      field: `${path}start_time`,
      description: "must be midnight by utc_offset_minutes when daily is true",
      rule: "start_time.midnight",
    });
  }
  // A civil day has 23 to 25 hours where clocks change.
  if (end !== undefined && end > start && !isDayLong(end - start)) {
    violations.push({
      field: `${path}end_time`,
      description: "must be the next midnight, 23 to 25 hours after start_time, or be left out, when daily is true",
      rule: "end_time.midnight",
    });
  }
  return violations;
}

/** Whether a time is a civil day long: 24 hours, or up to one more or less in half hours where clocks change. */
function isDayLong(length: Micros): boolean {
  return length >= dayMicros - hourMicros && length <= dayMicros + hourMicros && length % (hourMicros / 2n) === 0n;
}

function toStorable(sample: MetricSample, kind: Kind): StorableSample {
  const start = sample.startTime ? toMicros(sample.startTime) : 0n;
  const end = sample.endTime ? toMicros(sample.endTime) : start;
  return {
    kind,
    start,
    endSeconds: Number((end - start) / 1_000_000n),
    utcOffsetMinutes: sample.utcOffsetMinutes ?? 0,
    value: sample.value,
    source: sample.source,
    daily: sample.daily,
    version: sample.version,
    recordingMethod: sample.recordingMethod,
  };
}

function shapeOf(sample: MetricSample): SampleShape {
  if (sample.daily) return SampleShape.DAY;
  return sample.endTime ? SampleShape.INTERVAL : SampleShape.INSTANT;
}

const shapeRules: Record<SampleShape, string> = {
  [SampleShape.UNSPECIFIED]: "unspecified",
  [SampleShape.INSTANT]: "an instant (no end_time, not daily)",
  [SampleShape.INTERVAL]: "an interval (with end_time, not daily)",
  [SampleShape.DAY]: "a civil day (daily)",
};

import { create } from "@bufbuild/protobuf";
import { type MetricSample, MetricSampleSchema, RecordingMethod } from "../../gen/wellvault/v1/metric_pb.ts";
import { kindsBySlug } from "../../metrics/kinds.ts";
import { RecordProblem, readNumber } from "../record-problem.ts";
import { zoneOffsetMinutes } from "../zone-offset.ts";
import { type AppleTime, civilDay, dayStart, readAppleTime } from "./apple-time.ts";
import type { Food } from "./food-sums.ts";
import { mindfulSession, type RecordType, recordTypes, sleepAnalysis, sleepStages } from "./record-types.ts";
import type { SleepPiece } from "./sleep-days.ts";
import { sourceSlug } from "./source-slug.ts";

/** A `Record` of an export. */
export interface HealthRecord {
  /** Line that it begins at. */
  readonly line: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Whether its metadata say that a person entered it. */
  readonly entered: boolean;
  /** The time zone that its metadata name, where they do. */
  readonly zone: string | undefined;
}

/** What a record says. */
export type RecordMeaning =
  | { readonly type: "sample"; readonly sample: MetricSample }
  | { readonly type: "sleep"; readonly piece: SleepPiece }
  | { readonly type: "food"; readonly food: Food }
  | { readonly type: "passed over"; readonly what: string };

/**
 * Reads a record.
 *
 * @throws RecordProblem when it cannot be read
 */
export function readRecord(record: HealthRecord): RecordMeaning {
  const type = record.attributes["type"] ?? "";
  const known = recordTypes.get(type);
  if (known) return readQuantity(record, known);
  if (type === mindfulSession) return readMindful(record);
  if (type === sleepAnalysis) return readSleep(record);
  if (type === "") throw new RecordProblem("type", "must be there");
  return passedOver(type);
}

function readQuantity(record: HealthRecord, { kind, shape, units }: RecordType): RecordMeaning {
  const { attributes } = record;
  const unit = attributes["unit"] ?? "";
  if (!Object.hasOwn(units, unit)) {
    const known = Object.keys(units).join(", ");
    throw new RecordProblem("unit", `must be one that is known for ${kind}: ${known}`);
  }
  const value = units[unit]?.(readNumber("value", attributes["value"])) ?? 0;
  const { start, end } = readTimes(record);
  const sample = (times: SampleTimes): RecordMeaning => ({
    type: "sample",
    sample: sampleOf(record, kind, value, times),
  });
  switch (shape) {
    case "instant":
      return sample({ start });
    case "interval":
      return sample({ start, end: lengthened(start, end) });
    case "day":
      return sample({ start: dayStart(civilDay(start.seconds, start.offset)), daily: true });
    case "food":
      return readFood(record, kind, value, start, lengthened(start, end));
  }
}

/** What is logged at a moment, such as a glass of water, is a sum all the same, and sums are of intervals. */
function lengthened(start: AppleTime, end: AppleTime): number {
  return Math.max(end.seconds, start.seconds + 1);
}

/** Checks here what the rules of samples say of one food: they look at what several come to. */
function readFood(record: HealthRecord, slug: string, value: number, start: AppleTime, end: number): RecordMeaning {
  const kind = kindsBySlug.get(slug);
  if (!kind) throw new Error(`the importer names a kind that is not in the catalogue: ${slug}`);
  if (value < kind.min || value > kind.max) {
    throw new RecordProblem("value", `must come to ${kind.min} to ${kind.max} ${kind.unit}`);
  }
  if (end - start.seconds > 86_400) throw new RecordProblem("endDate", "must be within 24 hours of startDate");
  const { entered, line } = record;
  const times = { start: start.seconds, end, offset: start.offset };
  return { type: "food", food: { kind: slug, source: sourceOf(record), ...times, value, entered, line } };
}

function readMindful(record: HealthRecord): RecordMeaning {
  const { start, end } = readTimes(record);
  if (end.seconds === start.seconds) return passedOver(`${mindfulSession} without a length`);
  const minutes = (end.seconds - start.seconds) / 60;
  return { type: "sample", sample: sampleOf(record, "mindful_minutes", minutes, { start, end: end.seconds }) };
}

function readSleep(record: HealthRecord): RecordMeaning {
  const value = record.attributes["value"] ?? "";
  const stage = Object.hasOwn(sleepStages, value) ? sleepStages[value] : undefined;
  if (!stage) throw new RecordProblem("value", "must be a stage of sleep that is known");
  if (stage === "awake") return passedOver(`${sleepAnalysis} awake`);
  const { start, end } = readTimes(record);
  if (end.seconds === start.seconds) return passedOver(`${sleepAnalysis} without a length`);
  if (end.seconds - start.seconds > 86_400) throw new RecordProblem("endDate", "must be within 24 hours of startDate");
  const piece = { source: sourceOf(record), stage, start: start.seconds, end: end.seconds, offset: end.offset };
  return { type: "sleep", piece: { ...piece, line: record.line } };
}

interface SampleTimes {
  readonly start: AppleTime;
  /** Seconds since 1970 UTC. */
  readonly end?: number;
  readonly daily?: boolean;
}

function sampleOf(record: HealthRecord, kind: string, value: number, { start, end, daily }: SampleTimes): MetricSample {
  const created = record.attributes["creationDate"];
  const version = created === undefined ? 1 : readTime("creationDate", created).seconds;
  return create(MetricSampleSchema, {
    kind,
    startTime: { seconds: BigInt(start.seconds), nanos: 0 },
    ...(end === undefined ? {} : { endTime: { seconds: BigInt(end), nanos: 0 } }),
    utcOffsetMinutes: start.offset,
    value,
    source: sourceOf(record),
    daily: daily ?? false,
    version: BigInt(Math.max(version, 1)),
    recordingMethod: record.entered ? RecordingMethod.MANUAL : RecordingMethod.UNSPECIFIED,
  });
}

function sourceOf({ attributes }: HealthRecord): string {
  const sourceName = attributes["sourceName"];
  if (sourceName === undefined) throw new RecordProblem("sourceName", "must be there");
  return sourceSlug({ sourceName, device: attributes["device"] });
}

/** Reads start and end. The metadata's zone counts, where there is one: exports write times by the phone's own. */
function readTimes({ attributes, zone }: HealthRecord): { readonly start: AppleTime; readonly end: AppleTime } {
  const start = readTime("startDate", attributes["startDate"], zone);
  const end = readTime("endDate", attributes["endDate"], zone);
  if (end.seconds < start.seconds) throw new RecordProblem("endDate", "must not be before startDate");
  return { start, end };
}

/** Reads the time of an attribute, by the zone where there is one. */
function readTime(field: string, text: string | undefined, zone?: string): AppleTime {
  const time = readAppleTime(text ?? "");
  if (!time) throw new RecordProblem(field, "must be a time since 1970 such as 2019-09-06 09:28:35 -0400");
  const offset = zone === undefined ? undefined : zoneOffsetMinutes(zone, time.seconds);
  return offset === undefined ? time : { ...time, offset };
}

/** Types are texts of the file: only what looks like a name of one is repeated. */
function passedOver(what: string): RecordMeaning {
  return { type: "passed over", what: /^[\w ]{1,100}$/.test(what) ? what : "Record of another type" };
}

import { SampleShape } from "../../gen/wellvault/v1/metric_pb.ts";
import type { Kind } from "../../metrics/kinds.ts";
import { RecordProblem } from "../record-problem.ts";
import { type FhirTime, readFhirTime } from "./fhir-time.ts";
import { asObject, asText, type JsonObject } from "./json.ts";

/** When a sample is of. */
export interface SampleTime {
  /** Microseconds since 1970 UTC. */
  readonly start: bigint;
  /** Undefined but for an interval. */
  readonly end?: bigint;
  readonly offset: number;
  readonly daily: boolean;
}

const second = 1_000_000n;
const minute = 60n * second;
const day = 86_400n * second;

/**
 * Reads when an observation is effective, in the shape that its kind asks for.
 *
 * @param ofDay whether its code is of a whole day
 * @param utcOffset the offset of the people's clock, for times by UTC, which do not say it
 * @throws RecordProblem when it does not say when, or not as exactly as the kind has to know it
 */
export function readEffective(
  observation: JsonObject,
  kind: Kind,
  ofDay: boolean,
  utcOffset: number | undefined,
): SampleTime {
  const period = asObject(observation["effectivePeriod"]);
  const field = period
    ? "effectivePeriod.start"
    : "effectiveInstant" in observation
      ? "effectiveInstant"
      : "effectiveDateTime";
  const text = asText(period ? period["start"] : (observation["effectiveDateTime"] ?? observation["effectiveInstant"]));
  const start = readTime(field, text);
  const end = period?.["end"] === undefined ? undefined : readTime("effectivePeriod.end", asText(period["end"]));
  if (kind.shapes.includes(SampleShape.INSTANT)) return instantOf(field, kind, start, utcOffset);
  if (start.type === "date") return dateOf(start.day, end);
  const offset = start.offset ?? utcOffset ?? 0;
  if (ofDay || !kind.shapes.includes(SampleShape.INTERVAL)) return dayOf(start.micros, offset);
  if (end?.type !== "instant") {
    throw new RecordProblem(
      period ? "effectivePeriod.end" : field,
      `must be a period with both ends, or a date, for ${kind.slug}`,
    );
  }
  return spanOf(kind, start.micros, offset, end.micros, end.offset ?? utcOffset ?? offset);
}

function readTime(field: string, text: string | undefined): FhirTime {
  const time = readFhirTime(text ?? "");
  if (time) return time;
  throw new RecordProblem(
    field,
    "must be a date, or a time with its offset such as 2024-05-01T08:30:00+02:00, since 1970",
  );
}

function instantOf(field: string, { slug }: Kind, time: FhirTime, utcOffset: number | undefined): SampleTime {
  if (time.type === "date") throw new RecordProblem(field, `must have a time of day for ${slug}`);
  return { start: time.micros, offset: time.offset ?? utcOffset ?? 0, daily: false };
}

function dateOf(date: number, end: FhirTime | undefined): SampleTime {
  if (end && (end.type !== "date" || end.day !== date)) {
    throw new RecordProblem(
      "effectivePeriod.end",
      "must be the same date as the start, or both must have a time of day",
    );
  }
  return { start: BigInt(date) * day, offset: 0, daily: true };
}

/**
 * The civil day that an instant is in. A day is told by its date alone, as one by UTC: its start is part of its key, and
 * the same day that a server writes by another offset later would be another one, and counted twice.
 */
function dayOf(micros: bigint, offset: number): SampleTime {
  const local = micros + BigInt(offset) * minute;
  return { start: local - (((local % day) + day) % day), offset: 0, daily: true };
}

/**
 * A span of time. One from midnight to midnight by the clock is a day, however many hours it has; FHIR's periods hold
 * their ends, so the last second, or minute, of the day is its end, too. A night is of the day of waking, by the clock
 * where one wakes.
 */
function spanOf(kind: Kind, start: bigint, offset: number, end: bigint, endOffset: number): SampleTime {
  const from = start - (start % second);
  const to = end - (end % second);
  const isMidnight = (from + BigInt(offset) * minute) % day === 0n;
  const left = day - (to + BigInt(endOffset) * minute - from - BigInt(offset) * minute);
  if (isMidnight && left >= 0n && left <= minute) return dayOf(from, offset);
  return { start: from, end: to, offset: kind.byWakingDay ? endOffset : offset, daily: false };
}

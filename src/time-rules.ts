import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { dayMicros, type Micros, toMicros } from "./civil-time.ts";
import type { FieldViolation } from "./errors.ts";

/** How far ahead of the server's clock a start may lie: clocks are wrong and zones are confused. */
const aheadMicros = dayMicros;

/** The range of google.protobuf.Timestamp: the years 1 to 9999, and nanoseconds of one second. */
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/**
 * Checks that a Timestamp is one. The wire lets a caller send more: a second's worth of nanoseconds or a
 * year that no calendar has, which would move the value or fail where it is used.
 */
export function checkTimestamp(field: string, time: Timestamp | undefined): FieldViolation[] {
  if (!time) return [];
  const { seconds, nanos } = time;
  if (seconds >= firstSecond && seconds <= lastSecond && nanos >= 0 && nanos <= 999_999_999) return [];
  const description = "must be a timestamp: a time in the years 1 to 9999 with 0 to 999,999,999 nanoseconds";
  return [{ field, description, rule: "timestamp.valid" }];
}

/**
 * Checks what the rules of the .proto files cannot say of a time range: the start is not too far
 * ahead, and the end is later than the start by at most `maxSeconds`.
 *
 * @param path path of the message that holds `start_time` and `end_time`, with a trailing dot
 * @param now the server's clock
 */
export function checkTimes(
  path: string,
  start: Timestamp | undefined,
  end: Timestamp | undefined,
  maxSeconds: number,
  now: Date,
): FieldViolation[] {
  const violations = [...checkTimestamp(`${path}start_time`, start), ...checkTimestamp(`${path}end_time`, end)];
  if (!start || violations.length > 0) return violations;
  const startMicros = toMicros(start);
  if (startMicros > BigInt(now.getTime()) * 1_000n + aheadMicros) {
    violations.push({
      field: `${path}start_time`,
      description: "must not be more than 24 hours ahead of the server's clock",
      rule: "start_time.ahead",
    });
  }
  if (end && toMicros(end) <= startMicros) {
    violations.push({ field: `${path}end_time`, description: "must be later than start_time", rule: "end_time.order" });
  } else if (end && toMicros(end) - startMicros > BigInt(maxSeconds) * 1_000_000n) {
    violations.push({
      field: `${path}end_time`,
      description: `must be at most ${maxSeconds / 3_600} hours after start_time`,
      rule: "end_time.length",
    });
  }
  return violations;
}

/**
 * Checks a half-open range of a query and returns it in microseconds.
 *
 * @param path path of the message that holds `start_time` and `end_time`, with a trailing dot, or an empty text
 */
export function checkRange(
  start: Timestamp | undefined,
  end: Timestamp | undefined,
  path = "",
): { violations: FieldViolation[]; from: Micros | undefined; to: Micros | undefined } {
  const violations = [...checkTimestamp(`${path}start_time`, start), ...checkTimestamp(`${path}end_time`, end)];
  if (violations.length > 0) return { violations, from: undefined, to: undefined };
  const from = start && toMicros(start);
  const to = end && toMicros(end);
  const ordered = from === undefined || to === undefined || from < to;
  return {
    from,
    to,
    violations: ordered
      ? []
      : [{ field: `${path}end_time`, description: "must be later than start_time", rule: "end_time.order" }],
  };
}

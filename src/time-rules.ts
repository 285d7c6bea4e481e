import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { dayMicros, type Micros, toMicros } from "./civil-time.ts";
import type { FieldViolation } from "./errors.ts";

/** How far ahead of the server's clock a start may lie: clocks are wrong and zones are confused. */
const aheadMicros = dayMicros;

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
  const violations: FieldViolation[] = [];
  if (!start) return violations;
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

/** Checks a half-open range of a query and returns it in microseconds. */
export function checkRange(
  start: Timestamp | undefined,
  end: Timestamp | undefined,
): { violations: FieldViolation[]; from: Micros | undefined; to: Micros | undefined } {
  const from = start && toMicros(start);
  const to = end && toMicros(end);
  const ordered = from === undefined || to === undefined || from < to;
  return {
    from,
    to,
    violations: ordered
      ? []
      : [{ field: "end_time", description: "must be later than start_time", rule: "end_time.order" }],
  };
}

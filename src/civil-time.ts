import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/**
 * Time inside the service is microseconds since 1970 in UTC, the precision that PostgreSQL keeps;
 * what Protobuf says below a microsecond is cut off.
 */
export type Micros = bigint;

/** Microseconds of a minute and of a day. */
export const minuteMicros = 60_000_000n;
export const dayMicros = 86_400_000_000n;

/** Converts a Timestamp to microseconds. */
export function toMicros(time: Timestamp): Micros {
  return time.seconds * 1_000_000n + BigInt(Math.floor(time.nanos / 1_000));
}

/** Converts microseconds, also as the text of a bigint column, to a Timestamp. */
export function fromMicros(micros: Micros | string): Timestamp {
  const value = BigInt(micros);
  const seconds = floorDiv(value, 1_000_000n);
  return create(TimestampSchema, { seconds, nanos: Number(value - seconds * 1_000_000n) * 1_000 });
}

/** Writes microseconds as text that PostgreSQL reads as timestamptz without loss. */
export function toTimestamptz(micros: Micros): string {
  const millis = floorDiv(micros, 1_000n);
  const rest = (micros - millis * 1_000n).toString().padStart(3, "0");
  return new Date(Number(millis)).toISOString().replace("Z", `${rest}+00`);
}

/** The civil day, YYYY-MM-DD, of an instant by an offset in minutes east of Greenwich. */
export function civilDate(micros: Micros, utcOffsetMinutes: number): string {
  const local = micros + BigInt(utcOffsetMinutes) * minuteMicros;
  return new Date(Number(floorDiv(local, 1_000n))).toISOString().slice(0, 10);
}

/** Whether an instant is midnight by an offset in minutes east of Greenwich. */
export function isCivilMidnight(micros: Micros, utcOffsetMinutes: number): boolean {
  return (micros + BigInt(utcOffsetMinutes) * minuteMicros) % dayMicros === 0n;
}

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  civilDate,
  dayMicros,
  fromEpoch,
  fromMicros,
  isCivilMidnight,
  minuteMicros,
  toEpoch,
  toMicros,
  toTimestamptz,
} from "../src/civil-time.ts";

// All that Timestamp allows: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z.
const first = -62_135_596_800_000_000n;
const last = 253_402_300_799_999_999n;
const micros = fc.bigInt({ min: first, max: last });
const offset = fc.integer({ min: -840, max: 840 });

function at(text: string): bigint {
  return BigInt(Date.parse(text)) * 1_000n;
}

describe("microseconds", () => {
  test("come back from a Timestamp, which is always in its valid form", () => {
    fc.assert(
      fc.property(micros, (value) => {
        const timestamp = fromMicros(value);
        expect(timestamp.nanos).toBeGreaterThanOrEqual(0);
        expect(timestamp.nanos).toBeLessThan(1_000_000_000);
        expect(toMicros(timestamp)).toBe(value);
        expect(fromMicros(String(value))).toEqual(timestamp);
      }),
    );
  });

  test("cut off what a Timestamp says below them, toward the past", () => {
    const cut = (seconds: bigint, nanos: number) => toMicros(create(TimestampSchema, { seconds, nanos }));
    expect(cut(1n, 999)).toBe(1_000_000n);
    expect(cut(1n, 1_999)).toBe(1_000_001n);
    expect(cut(-1n, 999_999_999)).toBe(-1n);
  });

  test("come back from the text for PostgreSQL, and sort as that text within a year's digits", () => {
    fc.assert(
      fc.property(micros, (value) => {
        const text = toTimestamptz(value);
        expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00$/);
        expect(at(`${text.slice(0, 23)}Z`) + BigInt(text.slice(23, 26))).toBe(value);
      }),
    );
    expect(toTimestamptz(-1n)).toBe("1969-12-31T23:59:59.999999+00");
    expect(toTimestamptz(1n)).toBe("1970-01-01T00:00:00.000001+00");
  });

  test("come back from seconds as a double up to 2106, and no longer in the year 3000", () => {
    const back = (value: bigint) => toMicros(fromEpoch(toEpoch(value)));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: at("2106-01-01T00:00:00Z") }), (value) => {
        expect(back(value)).toBe(value);
        expect(fromEpoch(toEpoch(value))).toEqual(fromMicros(value));
      }),
    );
    const far = Array.from({ length: 100 }, (_, n) => at("3000-01-01T00:00:00Z") + BigInt(n));
    expect(far.every((value) => back(value) === value)).toBe(false);
  });
});

describe("the civil day", () => {
  const day = (text: string, minutes: number) => civilDate(fromMicros(at(text)), minutes);

  test("is the sample's own, not the server's", () => {
    expect(day("2026-01-05T23:30:00Z", 60)).toBe("2026-01-06");
    expect(day("2026-01-05T23:30:00Z", 0)).toBe("2026-01-05");
    expect(day("2026-01-05T00:30:00Z", -60)).toBe("2026-01-04");
    expect(day("2026-01-05T10:00:00Z", 840)).toBe("2026-01-06");
    expect(day("1970-01-01T00:00:00Z", -840)).toBe("1969-12-31");
    expect(day("2024-02-29T12:00:00Z", 0)).toBe("2024-02-29");
  });

  test("contains its instant: midnight by the offset is at most a day before", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: last - dayMicros }), offset, (value, minutes) => {
        const midnight = at(`${civilDate(fromMicros(value), minutes)}T00:00:00Z`) - BigInt(minutes) * minuteMicros;
        expect(value - midnight).toBeGreaterThanOrEqual(0n);
        expect(value - midnight).toBeLessThan(dayMicros);
        expect(isCivilMidnight(midnight, minutes)).toBe(true);
        expect(isCivilMidnight(midnight + 1n, minutes)).toBe(false);
      }),
    );
  });
});

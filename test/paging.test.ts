import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WellvaultError } from "../src/errors.ts";
import { ErrorReason } from "../src/gen/wellvault/v1/error_reason_pb.ts";
import {
  decodePageToken,
  encodePageToken,
  type KeyPart,
  type PageKey,
  type PageScope,
  pageSize,
} from "../src/paging.ts";

const argument = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.integer(),
  fc.bigInt(),
  fc.constant(null),
  fc.array(fc.integer(), { maxLength: 3 }),
);
const scope: fc.Arbitrary<PageScope> = fc.record({
  method: fc.string(),
  tenantId: fc.string(),
  args: fc.array(argument, { maxLength: 4 }),
});
// Minus zero is the one number that JSON does not bring back.
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })).map((n) => n + 0);
const key: fc.Arbitrary<PageKey> = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), number), {
  minLength: 1,
  maxLength: 4,
});

function shapeOf(pageKey: PageKey): ("string" | "number")[] {
  return pageKey.map((part) => (typeof part === "string" ? "string" : "number"));
}

function refused(decode: () => unknown): boolean {
  try {
    decode();
    return false;
  } catch (error) {
    if (!(error instanceof WellvaultError) || error.reason !== ErrorReason.PAGE_TOKEN_INVALID) throw error;
    return true;
  }
}

describe("a page token", () => {
  test("brings its key back in its own scope", () => {
    fc.assert(
      fc.property(scope, key, (made, position) => {
        expect(decodePageToken(made, encodePageToken(made, position), shapeOf(position))).toEqual(position);
      }),
    );
  });

  test("is text that may stand in a URL", () => {
    fc.assert(fc.property(scope, key, (made, position) => /^[A-Za-z0-9_-]+$/.test(encodePageToken(made, position))));
  });

  test("is refused in any other scope", () => {
    fc.assert(
      fc.property(scope, scope, key, (made, used, position) => {
        const text = (value: PageScope) =>
          JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? `${v}` : v));
        fc.pre(text([made] as never) !== text([used] as never));
        return refused(() => decodePageToken(used, encodePageToken(made, position), shapeOf(position)));
      }),
    );
  });

  test("is refused for another method, tenant or argument alone, also where the parts run together", () => {
    const made: PageScope = { method: "m", tenantId: "t", args: ["a", 1, null] };
    const token = encodePageToken(made, ["x"]);
    const others: PageScope[] = [
      { ...made, method: "n" },
      { ...made, tenantId: "u" },
      { ...made, method: "mt", tenantId: "" },
      { ...made, args: ["a", 1] },
      { ...made, args: ["a", 1, null, null] },
      { ...made, args: ["a", "1", null] },
      { ...made, args: ["a", 1, ""] },
      { ...made, args: ["a1", null] },
      { ...made, args: [["a", 1, null]] },
    ];
    for (const other of others) expect(refused(() => decodePageToken(other, token, ["string"]))).toBe(true);
  });

  test("is refused with any one character changed, added or removed", () => {
    const made: PageScope = { method: "m", tenantId: "t", args: [] };
    fc.assert(
      fc.property(key, fc.nat(), fc.string({ unit: "grapheme", maxLength: 2 }), (position, at, replacement) => {
        const token = encodePageToken(made, position);
        const index = at % token.length;
        const changed = token.slice(0, index) + replacement + token.slice(index + 1);
        fc.pre(changed !== token && changed !== "");
        return refused(() => decodePageToken(made, changed, shapeOf(position)));
      }),
    );
  });

  test("is refused whatever text comes in its place", () => {
    const made: PageScope = { method: "m", tenantId: "t", args: [] };
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) =>
        refused(() => decodePageToken(made, text, ["string"])),
      ),
    );
  });

  test("is refused where a key of another shape is expected", () => {
    const made: PageScope = { method: "m", tenantId: "t", args: [] };
    const token = encodePageToken(made, ["x", 1]);
    for (const shape of [[], ["string"], ["number", "string"], ["string", "number", "number"]] as const) {
      expect(refused(() => decodePageToken(made, token, shape))).toBe(true);
    }
    expect(decodePageToken(made, token, ["string", "number"])).toEqual(["x", 1]);
  });

  test("that was forged is refused before the database sees what it cannot read", () => {
    const made: PageScope = { method: "m", tenantId: "t", args: [] };
    const forged = (position: readonly (string | number)[], shape: readonly KeyPart[]) =>
      refused(() => decodePageToken(made, encodePageToken(made, position), shape));
    for (const time of [
      "x",
      "2024-02-30T00:00:00.000000+00",
      "2024-01-01",
      "2024-01-01T25:00:00.000000+00",
      "infinity",
    ]) {
      expect(forged([time], ["time"]), time).toBe(true);
    }
    expect(forged(["2024-02-29T23:59:59.123456+00"], ["time"])).toBe(false);
    for (const number of [-1, 0.5, 2 ** 15]) expect(forged([number], ["int2"])).toBe(true);
    expect(forged([2 ** 31], ["int4"])).toBe(true);
    expect(forged([2 ** 31 - 1], ["int4"])).toBe(false);
    expect(forged(["a\0"], ["string"])).toBe(true);
  });

  test("may be left out for the first page", () => {
    expect(decodePageToken({ method: "m", tenantId: "t", args: [] }, "", ["string"])).toBeUndefined();
  });
});

test("a page size is the default when none is given and never more than the maximum", () => {
  expect([0, 1, 1_000, 1_001, 2_147_483_647].map((size) => pageSize(size))).toEqual([50, 1, 1_000, 1_000, 1_000]);
  expect([0, 20_000].map((size) => pageSize(size, 1_440, 10_000))).toEqual([1_440, 10_000]);
});

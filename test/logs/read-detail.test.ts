import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ActivitySchema,
  CheckInSchema,
  HydrationSchema,
  JournalSchema,
  LogEntrySchema,
  MindfulnessSchema,
  MoodSchema,
  NutritionSchema,
  SleepSchema,
  SymptomSchema,
} from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { createDetailReader } from "../../src/logs/read-detail.ts";

const schemas = [
  ...[ActivitySchema, CheckInSchema, HydrationSchema, JournalSchema, MindfulnessSchema],
  ...[MoodSchema, NutritionSchema, SleepSchema, SymptomSchema],
];

/** Any value that a field of a detail may have in JSON, and many that it may not. */
const values = fc.oneof(
  fc.string(),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.double(),
  fc.constantFrom("NaN", "Infinity", null, true, {}),
  fc.array(fc.oneof(fc.string(), fc.integer({ min: -5, max: 5 }), fc.constant(null)), { maxLength: 5 }),
);

describe.each(schemas.map((schema) => [schema.name, schema] as const))("a stored %s", (_, schema) => {
  const read = createDetailReader(schema);

  test("is read as fromJson reads it, whatever it holds", () => {
    const known = schema.fields.map(({ jsonName }) => jsonName);
    const names = fc.constantFrom(...known, "unknownField");
    const json = fc.dictionary(names, values, { noNullPrototype: true }).filter(isJson);
    fc.assert(
      fc.property(json, (value) => {
        const outcome = (run: () => unknown) => {
          try {
            return { message: run() };
          } catch {
            return { failed: true };
          }
        };
        const expected = outcome(() => fromJson(schema, value as JsonValue, { ignoreUnknownFields: true }));
        expect(outcome(() => read(value as JsonValue))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test("without a field has what a new message has, and shares no list with the next one", () => {
    expect(read(toJson(schema, create(schema)))).toEqual(create(schema));
    const [first, second] = [read({}), read({})] as unknown as Record<string, unknown>[];
    for (const { localName, fieldKind } of schema.fields) {
      if (fieldKind === "list") expect(first?.[localName]).not.toBe(second?.[localName]);
    }
  });

  test.each([null, "text", 1, []])("that is %j is refused, as by fromJson", (value) => {
    expect(() => read(value)).toThrow();
  });
});

test("a message with fields of other kinds is read by fromJson", () => {
  const json = { entryId: "x", startTime: "2026-03-01T00:00:00Z", mood: { valence: 1 } };
  expect(createDetailReader(LogEntrySchema)(json)).toEqual(fromJson(LogEntrySchema, json));
});

/** PostgreSQL's jsonb holds no NaN and no infinities. */
function isJson(value: object): boolean {
  return Object.values(value).every((part) => typeof part !== "number" || Number.isFinite(part));
}

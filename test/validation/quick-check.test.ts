import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  GetLogEntryRequestSchema,
  ListLogEntriesRequestSchema,
  PutLogEntryRequestSchema,
} from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import {
  GetEmployeeRequestSchema,
  ListEmployeesRequestSchema,
} from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { LogEntryType } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { ListSamplesRequestSchema, PutSamplesRequestSchema } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { apiServices } from "../../src/rpc/services.ts";
import { isCertainlyValid } from "../../src/validation/quick-check.ts";
import { logEntry, sample } from "../support/samples.ts";

const validator = createValidator();
const employeeId = "0B9f2f0e-5a3c-4d8e-9c55-3f1f6f0c7a01";

/** A valid message of each kind whose calls are many. */
const valid: { readonly name: string; readonly schema: DescMessage; readonly message: Message }[] = [
  create(PutSamplesRequestSchema, { employeeId, samples: [sample(), sample({ kind: "steps", daily: true })] }),
  create(PutLogEntryRequestSchema, { employeeId, entry: logEntry({ note: "é\n" }) }),
  create(PutLogEntryRequestSchema, {
    employeeId,
    entry: logEntry({ detail: { case: "checkIn", value: { answers: [0, 1, 2, 3, 5] } } }),
  }),
  create(GetLogEntryRequestSchema, { employeeId, entryId: "a.b" }),
  create(ListLogEntriesRequestSchema, { employeeId, types: [LogEntryType.MOOD], startTime: { seconds: 5n } }),
  create(ListSamplesRequestSchema, { employeeId, kinds: ["steps"], source: "watch", pageSize: 5 }),
  create(GetEmployeeRequestSchema, { key: { case: "employeeId", value: employeeId } }),
  create(ListEmployeesRequestSchema, {}),
].map((message) => ({ name: message.$typeName, schema: schemaOf(message), message }));

function schemaOf(message: Message): DescMessage {
  const inputs = apiServices.flatMap((service) => service.methods.map((method) => method.input as DescMessage));
  const schema = inputs.find((input) => input.typeName === message.$typeName);
  if (!schema) throw new Error(`${message.$typeName} is no request`);
  return schema;
}

/** Values that stand at the edges of what rules say. */
const texts = ["", "a", "A-z0.9_:", "steps", "\0", "a\0", "a\n", "😀", "ſ", "K", employeeId, `${employeeId}\n`];
const text = fc.oneof(
  fc.constantFrom(...texts),
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.integer({ min: 0, max: 4_001 }).map((length) => "a".repeat(length)),
  fc.integer({ min: 0, max: 130 }).map((length) => "😀".repeat(length)),
);
const int32 = fc.oneof(fc.constantFrom(0, 1, -1, 5, 6, 10, 11, 840, 841, -840, -841, 2_880, 2_881), fc.integer());
const int64 = fc.oneof(fc.constantFrom(0n, 1n, -1n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const double = fc.oneof(fc.constantFrom(0, -0, 3, -3, 3.1, 10_000, 10_001, Number.NaN, Infinity), fc.double());
const seconds = fc.oneof(fc.constantFrom(0n, -1n, 253_402_300_799n, 253_402_300_800n), int64);
const nanos = fc.oneof(fc.constantFrom(0, -1, 999_999_999, 1_000_000_000), fc.integer());

const scalars: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  [ScalarType.STRING]: text,
  [ScalarType.INT32]: int32,
  [ScalarType.INT64]: int64,
  [ScalarType.DOUBLE]: double,
  [ScalarType.BOOL]: fc.boolean(),
};

/** A message of any contents. */
function arbitrary(schema: DescMessage): fc.Arbitrary<Message> {
  if (schema.typeName === "google.protobuf.Timestamp") {
    return fc.record({ seconds, nanos }).map((init) => create(schema, init as never));
  }
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of schema.members) {
    const value =
      member.kind === "oneof"
        ? fc.oneof(
            ...member.fields.map((field) => contentsOf(field).map((one) => ({ case: field.localName, value: one }))),
          )
        : contentsOf(member);
    parts[member.localName] = fc.option(value, { nil: undefined, freq: 9 });
  }
  return fc.record(parts).map((init) => create(schema, init as never));
}

function contentsOf(field: DescField): fc.Arbitrary<unknown> {
  const one =
    field.message !== undefined
      ? arbitrary(field.message)
      : field.enum !== undefined
        ? fc.integer({ min: -1, max: 12 })
        : scalars[field.scalar as ScalarType];
  if (!one) throw new Error(`no values for ${field.name}`);
  return field.fieldKind === "list" ? fc.array(one, { maxLength: 6 }) : one;
}

/** A valid message in which some fields, at any depth, were replaced by any contents. */
function mutated(schema: DescMessage, message: Message): fc.Arbitrary<Message> {
  const original = message as unknown as Readonly<Record<string, unknown>>;
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of schema.members) {
    const value = original[member.localName];
    if (member.kind === "oneof") {
      const { case: name, value: inner } = value as { case?: string; value?: unknown };
      const field = member.fields.find((one) => one.localName === name);
      if (field) parts[member.localName] = mutatedValue(field, inner).map((one) => ({ case: name, value: one }));
    } else {
      parts[member.localName] = mutatedValue(member, value);
    }
  }
  return fc.record(parts).map((init) => create(schema, init as never));
}

function mutatedValue(field: DescField, value: unknown): fc.Arbitrary<unknown> {
  const other = { arbitrary: fc.option(contentsOf(field), { nil: undefined }), weight: 1 };
  const same =
    value === undefined || field.message === undefined
      ? fc.constant(value)
      : field.fieldKind === "list"
        ? fc.tuple(...(value as Message[]).map((one) => mutated(field.message as DescMessage, one)))
        : mutated(field.message, value as Message);
  return fc.oneof({ arbitrary: same, weight: 12 }, other);
}

describe("the quick check", () => {
  test.each(valid)("knows a valid $name", ({ schema, message }) => {
    expect(validator.validate(schema, message).kind).toBe("valid");
    expect(isCertainlyValid(schema, message)).toBe(true);
  });

  test("of any request of the API accepts nothing that protovalidate refuses", () => {
    for (const schema of apiServices.flatMap((service) => service.methods.map((method) => method.input))) {
      // Fields masks and the like are left to protovalidate.
      if (schema.fields.some((field) => field.message?.typeName === "google.protobuf.FieldMask")) continue;
      fc.assert(
        fc.property(arbitrary(schema), (message) => {
          if (isCertainlyValid(schema, message)) expect(validator.validate(schema, message).kind).toBe("valid");
        }),
      );
    }
  });

  test("of a request that is nearly valid accepts nothing that protovalidate refuses", () => {
    const seen = { accepted: 0, left: 0, invalid: 0 };
    for (const { schema, message } of valid) {
      fc.assert(
        fc.property(mutated(schema, message), (changed) => {
          const known = isCertainlyValid(schema, changed);
          const { kind } = validator.validate(schema, changed);
          if (known) expect(kind).toBe("valid");
          seen[known ? "accepted" : kind === "valid" ? "left" : "invalid"]++;
        }),
        { numRuns: 400 },
      );
    }
    expect(seen.accepted).toBeGreaterThan(200);
    // The control: there was plenty to refuse, and little that is valid was left to protovalidate.
    expect(seen.invalid).toBeGreaterThan(200);
    expect(seen.left).toBeLessThan(seen.accepted / 4);
  });
});

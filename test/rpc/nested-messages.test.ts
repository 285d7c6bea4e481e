import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ListLogEntriesRequestSchema,
  PutLogEntryRequestSchema,
} from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { UpdateEmployeeRequestSchema } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { CheckInSchema, LogEntrySchema } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { MetricSampleSchema } from "../../src/gen/wellvault/v1/metric_pb.ts";
import {
  DeleteSamplesRequestSchema,
  PutSamplesRequestSchema,
  StreamSamplesRequestSchema,
} from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { checkNested, checkNestedJson, maxNested } from "../../src/rpc/nested-messages.ts";
import { apiServices } from "../../src/rpc/services.ts";
import { failureFrom } from "../support/errors.ts";
import { sample, sampleKey } from "../support/samples.ts";

/** What a check says: undefined when it lets pass. */
function told(check: () => void) {
  try {
    check();
    return undefined;
  } catch (error) {
    return failureFrom(error as never);
  }
}

/** How many messages a message holds, at any depth, by reflection. */
function countNested(schema: DescMessage, message: Message): number {
  const fields = reflect(schema, message);
  let count = 0;
  for (const field of schema.fields) {
    if (!field.message || !fields.isSet(field)) continue;
    const value: unknown = fields.get(field);
    const items = (field.fieldKind === "list" ? [...(value as Iterable<unknown>)] : [value]) as { message: Message }[];
    for (const item of items) count += 1 + countNested(field.message, item.message);
  }
  return count;
}

const tag = (no: number, wireType: number) => no * 8 + wireType;
/** So many empty samples, as a request of PutSamples holds them. */
const empties = (count: number, samplesTag = tag(2, 2)) => Buffer.alloc(2 * count, Buffer.of(samplesTag, 0));

test("a batch is taken that holds as many messages as may be, and not one more", () => {
  // Each sample holds its start.
  const samples = Array.from({ length: maxNested / 2 }, () => sample());
  const most = create(PutSamplesRequestSchema, { samples });
  expect(countNested(PutSamplesRequestSchema, most)).toBe(maxNested);
  const bytes = toBinary(PutSamplesRequestSchema, most);
  expect(told(() => checkNested(PutSamplesRequestSchema, bytes))).toBeUndefined();
  const one = toBinary(
    PutSamplesRequestSchema,
    create(PutSamplesRequestSchema, { samples: [create(MetricSampleSchema)] }),
  );
  const tooMany = Buffer.concat([one, bytes]);
  expect(told(() => checkNested(PutSamplesRequestSchema, tooMany))).toMatchObject({
    code: "InvalidArgument",
    reason: "FIELD_INVALID",
    fields: [expect.stringMatching(/^samples/)],
  });
});

test("the field is named by its path, also where it lies within another", () => {
  const keys = Array.from({ length: maxNested }, () => sampleKey());
  const request = create(DeleteSamplesRequestSchema, { selection: { case: "keys", value: { keys } } });
  const bytes = toBinary(DeleteSamplesRequestSchema, request);
  expect(told(() => checkNested(DeleteSamplesRequestSchema, bytes))?.fields).toEqual([
    expect.stringMatching(/^keys\.keys/),
  ]);
});

test.each([
  [
    "behind fields that nobody knows",
    Buffer.concat([Buffer.from([0xf8, 7, 1, 0xfa, 7, 3, 1, 2, 3]), empties(maxNested + 1)]),
  ],
  ["behind a group that nobody knows", Buffer.concat([Buffer.from([0xfb, 7, 8, 1, 0xfc, 7]), empties(maxNested + 1)])],
  ["with tags longer than they need be", Buffer.alloc(3 * (maxNested + 1), Buffer.of(tag(2, 2) | 0x80, 0, 0))],
])("too many empty messages are found %s", (_, bytes) => {
  expect(told(() => checkNested(PutSamplesRequestSchema, bytes))?.fields).toEqual(["samples"]);
});

// The decoder reads a field as it is declared, whatever its tag says; to skip it by its tag would lose step with it.
test.each([
  ["a text whose tag says that it is a number", PutSamplesRequestSchema, Buffer.of(tag(1, 0), 1, 0), "employee_id"],
  [
    "a number whose tag says that it is a text",
    StreamSamplesRequestSchema,
    Buffer.of(tag(1, 2), 0x80, 0x80, 0x40),
    "batch_number",
  ],
  ["a text whose tag begins a group", PutSamplesRequestSchema, Buffer.of(tag(1, 3), 0), "employee_id"],
  ["messages whose tags say that they are numbers", PutSamplesRequestSchema, empties(1, tag(2, 0)), "samples"],
])("%s is refused before the crowd behind it is decoded", (_, schema, bytes, field) => {
  const crowd = Buffer.concat([bytes, empties(2 * maxNested)]);
  expect(told(() => checkNested(schema, crowd))).toMatchObject({ reason: "REQUEST_MALFORMED", fields: [field] });
});

test("numbers that stand together are followed as the decoder reads them, beyond their end", () => {
  // The list ends within its last number, which goes on with what looks like the length of a field that nobody knows.
  const { answers } = CheckInSchema.field;
  const checkIn = Buffer.from([tag(answers.number, 2), 1, 0x81, 0x01]);
  const wrapped = (no: number, bytes: Buffer) =>
    Buffer.concat([new BinaryWriter().tag(no, WireType.LengthDelimited).uint32(bytes.byteLength).finish(), bytes]);
  const entry = wrapped(LogEntrySchema.field.checkIn.number, checkIn);
  const { number } = PutLogEntryRequestSchema.field.entry;
  const crowd = Buffer.alloc(2 * (maxNested + 1), wrapped(number, Buffer.alloc(0)));
  const bytes = Buffer.concat([wrapped(number, entry), crowd]);
  fromBinary(PutLogEntryRequestSchema, bytes);
  expect(told(() => checkNested(PutLogEntryRequestSchema, bytes))?.fields).toEqual(["entry"]);
});

test("no request holds what the scan does not follow: maps, or groups", () => {
  const seen = new Set<DescMessage>();
  const visit = (message: DescMessage): void => {
    if (seen.has(message)) return;
    seen.add(message);
    for (const field of message.fields) {
      const where = `${message.typeName}.${field.name}`;
      expect(field.fieldKind, where).not.toBe("map");
      if (field.message) expect(field.delimitedEncoding, where).toBe(false);
      if (field.message) visit(field.message);
    }
  };
  for (const { methods } of apiServices) for (const { input } of methods) visit(input);
  expect(seen.size).toBeGreaterThan(20);
});

test("too many numbers that stand together are found", () => {
  const types = Buffer.alloc(maxNested + 1, 1);
  const head = new BinaryWriter().tag(ListLogEntriesRequestSchema.field.types.number, WireType.LengthDelimited);
  const one = Buffer.concat([head.uint32(types.byteLength).finish(), types]);
  const bytes = Buffer.concat([one, one]);
  expect(told(() => checkNested(ListLogEntriesRequestSchema, bytes))?.fields).toEqual(["types"]);
});

test("too many texts of a list are found", () => {
  const request = create(UpdateEmployeeRequestSchema, { updateMask: { paths: Array(maxNested + 1).fill("") } });
  const bytes = toBinary(UpdateEmployeeRequestSchema, request);
  expect(told(() => checkNested(UpdateEmployeeRequestSchema, bytes))?.fields).toEqual(["update_mask.paths"]);
});

test("what is malformed is left for the decoder", () => {
  const cut = Buffer.concat([empties(maxNested), Buffer.of(tag(1, 2), 200)]);
  const never = Buffer.concat([empties(maxNested), Buffer.alloc(20, 0xff)]);
  for (const bytes of [cut, never, Buffer.alloc(100_000, 0xff), Buffer.alloc(100_000)]) {
    expect(told(() => checkNested(PutSamplesRequestSchema, bytes))).toBeUndefined();
  }
});

test("whatever stands before a crowd, what is let pass is not decoded into one", () => {
  const piece = fc.oneof(
    fc
      .tuple(fc.nat(31), fc.nat(5), fc.uint8Array({ maxLength: 6 }))
      .map(([no, type, rest]) => Buffer.of(tag(no & 15, type), ...rest)),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  );
  const schemas = [PutSamplesRequestSchema, StreamSamplesRequestSchema] as const;
  let passed = 0;
  fc.assert(
    fc.property(fc.constantFrom(...schemas), fc.array(piece, { maxLength: 6 }), (schema, pieces) => {
      const samplesTag = tag(schema.field.samples.number, 2);
      const bytes = Buffer.concat([...pieces, empties(maxNested + 1, samplesTag), ...pieces]);
      const failure = told(() => checkNested(schema, bytes));
      if (failure) {
        expect(["FIELD_INVALID", "REQUEST_MALFORMED"]).toContain(failure.reason);
        return;
      }
      passed++;
      let samples = 0;
      try {
        samples = fromBinary(schema as typeof PutSamplesRequestSchema, bytes).samples.length;
      } catch {
        // The decoder has met what is malformed, and so has the look.
      }
      expect(samples).toBeLessThanOrEqual(maxNested);
    }),
    { numRuns: 600 },
  );
  expect(passed).toBeGreaterThan(20);
});

test("in JSON objects and lists are counted", () => {
  const json = (count: number) => Buffer.from(`{"samples":[${Array.from({ length: count }, () => "{}").join(" , ")}]}`);
  expect(told(() => checkNestedJson(json(maxNested - 2)))).toBeUndefined();
  expect(told(() => checkNestedJson(json(maxNested - 1)))).toMatchObject({ reason: "REQUEST_MALFORMED" });
  const masks = [",", "a\\u002c"].map((text) => `{"updateMask":"${text.repeat(100_000)}"}`);
  const bad = [`{"samples":${"[".repeat(100_000)}`, ...masks];
  for (const text of bad) {
    expect(told(() => checkNestedJson(Buffer.from(text)))?.message).toContain("Send fewer items");
  }
  // What stands in texts is no object.
  const names = Array.from({ length: 1_000 }, () => ({ displayName: `\\"${"[{".repeat(50)},,"` }));
  expect(told(() => checkNestedJson(Buffer.from(JSON.stringify({ employees: names }))))).toBeUndefined();
});

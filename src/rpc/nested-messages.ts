import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { Code } from "@connectrpc/connect";
import { errors } from "../errors.ts";
import { toConnectError } from "./connect-error.ts";

/**
 * Messages and elements of lists that a request may hold, at any depth. The largest batch holds a few thousand. An empty
 * message takes two bytes on the wire and some hundred in memory, so without this bound a request of 4 MiB, which
 * compressed is a few thousand bytes, would take hundreds of megabytes once it is decoded, before any rule is checked.
 */
export const maxNested = 32_768;

/** As deep as the decoder goes; it refuses what is deeper. */
const maxDepth = 100;

/**
 * Refuses a request in Protobuf's binary form that holds more than {@link maxNested}, or that could not be counted
 * as the decoder reads it. What is malformed otherwise is left for the decoder to refuse, which makes nothing of what
 * comes behind.
 *
 * @throws ConnectError FIELD_INVALID naming the field that holds too many, REQUEST_MALFORMED naming one that has
 *   another wire type than it is declared with
 */
export function checkNested(message: DescMessage, bytes: Uint8Array): void {
  if (bytes.byteLength < 2 * maxNested) return;
  const found = look(message, bytes);
  if (!found) return;
  const { field, isCrowded } = found;
  if (isCrowded) {
    const description = `must hold fewer items; a request may hold ${maxNested} messages and elements in all`;
    throw toConnectError(errors.fieldsInvalid([{ field, description, rule: "request.max_messages" }]));
  }
  const description = "must be of the type that its message declares";
  const text = `${field}: ${description}`;
  throw toConnectError(errors.requestMalformed(Code.InvalidArgument, text, [{ field, description, rule: "type" }]));
}

const [quote, backslash, comma, openBrace, openBracket] = Buffer.from('"\\,{[');

/**
 * Refuses a request in JSON that holds more objects and lists than {@link maxNested}, or a text with more commas and
 * escaped letters: commas separate the paths of a field mask.
 *
 * @throws ConnectError REQUEST_MALFORMED
 */
export function checkNestedJson(bytes: Uint8Array): void {
  if (bytes.byteLength < 2 * maxNested) return;
  let count = 0;
  let commas = 0;
  let isInText = false;
  for (let n = 0; n < bytes.byteLength && count <= maxNested && commas <= maxNested; n++) {
    const byte = bytes[n];
    if (byte === quote) {
      isInText = !isInText;
      commas = 0;
    } else if (!isInText) {
      if (byte === openBrace || byte === openBracket) count++;
    } else if (byte === backslash) {
      n++;
      // It may stand for a comma.
      commas++;
    } else if (byte === comma) commas++;
  }
  if (count <= maxNested && commas <= maxNested) return;
  const text = `The request holds more than ${maxNested} JSON objects, lists or paths. Send fewer items in each request.`;
  throw toConnectError(errors.requestMalformed(Code.InvalidArgument, text));
}

/** A field that a request is refused for, by its path: it holds too much, or has not the wire type that it must have. */
interface Finding {
  readonly field: string;
  readonly isCrowded: boolean;
}

function look(message: DescMessage, bytes: Uint8Array): Finding | undefined {
  const reader = new BinaryReader(bytes);
  let left = maxNested;
  const read = (type: DescMessage, end: number, depth: number): Finding | undefined => {
    if (depth > maxDepth) throw new Error("deeper than the decoder goes");
    const fields = wireFieldsOf(type);
    while (reader.pos < end) {
      const [no, wireType] = reader.tag();
      const field = fields.get(no);
      // The decoder goes by the declaration and not by the tag: from here on it would read something else than this.
      if (field && !field.wireTypes.includes(wireType)) return { field: field.name, isCrowded: false };
      if (field?.isCounted && --left < 0) return { field: field.name, isCrowded: true };
      if (!field?.message) {
        if (!field || wireType === field.wireTypes[0]) {
          reader.skip(wireType, no);
          continue;
        }
        left -= skipPacked(reader, field.wireTypes[0], left);
        if (left < 0) return { field: field.name, isCrowded: true };
        continue;
      }
      const length = reader.uint32();
      const found = read(field.message, reader.pos + length, depth + 1);
      if (found) return { ...found, field: `${field.name}.${found.field}` };
    }
    return undefined;
  };
  try {
    return read(message, bytes.byteLength, 1);
  } catch {
    return undefined;
  }
}

/**
 * Skips numbers that stand together as the decoder reads them: the last one to its end, though it lies behind theirs.
 * Returns how many they are, or one more than `most`.
 */
function skipPacked(reader: BinaryReader, wireType: WireType, most: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  let count = 0;
  for (; reader.pos < end && count <= most; count++) reader.skip(wireType);
  return count;
}

/** What is to be known of a field to find its end. */
interface WireField {
  readonly name: string;
  /** The wire types that the decoder reads it rightly with; its own first, then that of numbers that stand together. */
  readonly wireTypes: readonly [WireType, WireType?];
  /** Whether each is an object or an element of a list, and not one of a few fields. */
  readonly isCounted: boolean;
  /** The message that it holds. Entries of maps are not looked into: no request has a map of messages. */
  readonly message: DescMessage | undefined;
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, WireField>>();

function wireFieldsOf(message: DescMessage): ReadonlyMap<number, WireField> {
  let fields = known.get(message);
  if (!fields) {
    fields = new Map(message.fields.map((field) => [field.number, toWireField(field)]));
    known.set(message, fields);
  }
  return fields;
}

function toWireField(field: DescField): WireField {
  const { name } = field;
  const { LengthDelimited } = WireType;
  if (field.fieldKind === "map") return { name, wireTypes: [LengthDelimited], isCounted: true, message: undefined };
  if (field.message) return { name, wireTypes: [LengthDelimited], isCounted: true, message: field.message };
  const own = field.scalar === undefined ? WireType.Varint : (wireTypes[field.scalar] ?? WireType.Varint);
  const isList = field.fieldKind === "list";
  return {
    name,
    // Numbers of a list may stand together.
    wireTypes: isList && own !== LengthDelimited ? [own, LengthDelimited] : [own],
    isCounted: isList,
    message: undefined,
  };
}

/** The wire types of scalars that are no varints. */
const wireTypes: Readonly<Partial<Record<ScalarType, WireType>>> = {
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.SFIXED32]: WireType.Bit32,
};

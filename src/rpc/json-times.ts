import type { DescMessage } from "@bufbuild/protobuf";
import { type Compression, encodeEnvelope, transformSplitEnvelope } from "@connectrpc/connect/protocol";
import { errors, type FieldViolation } from "../errors.ts";
import { toConnectError } from "./connect-error.ts";

/** What is needed to read a body before Connect does. */
export interface JsonBody {
  /** The message that the body holds. */
  readonly message: DescMessage;
  /** Whether the JSON stands in an envelope of gRPC or gRPC-Web. */
  readonly enveloped: boolean;
  /** How the body is compressed; undefined when it is not. */
  readonly compression: Compression | undefined;
  /** Larger bodies are passed on unread; they are refused for their size. */
  readonly maxBytes: number;
}

/**
 * Passes a JSON body on once its times are known to exist. Protobuf's JSON reader takes the 31st of
 * February for the 3rd of March, and a value on the wrong day is worse than none.
 *
 * @throws ConnectError FIELD_INVALID naming each time that does not exist
 */
export async function* withRealTimes(body: AsyncIterable<Uint8Array>, options: JsonBody): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size <= options.maxBytes) continue;
    yield* chunks.splice(0);
  }
  if (size <= options.maxBytes) {
    const violations = findUnrealTimes(options.message, await parse(Buffer.concat(chunks), options));
    if (violations.length > 0) throw toConnectError(errors.fieldsInvalid(violations));
  }
  yield* chunks;
}

/**
 * Passes on a stream of JSON messages, each once its times are known to exist; see {@link withRealTimes}.
 *
 * @throws ConnectError FIELD_INVALID naming each time of a message that does not exist; what Connect would throw of an
 *   envelope that is too large or cut off
 */
export async function* withRealTimesInEach(
  body: AsyncIterable<Uint8Array>,
  options: JsonBody,
): AsyncGenerator<Uint8Array> {
  for await (const { flags, data } of transformSplitEnvelope(options.maxBytes)(body)) {
    const bytes = encodeEnvelope(flags, data);
    const violations = findUnrealTimes(options.message, await parse(Buffer.from(bytes), options));
    if (violations.length > 0) throw toConnectError(errors.fieldsInvalid(violations));
    yield bytes;
  }
}

/** Returns the Timestamp fields of a message in JSON whose date or time of day does not exist. */
export function findUnrealTimes(message: DescMessage, json: unknown, path = ""): FieldViolation[] {
  if (typeof json !== "object" || json === null) return [];
  const members = json as Readonly<Record<string, unknown>>;
  return message.fields.flatMap((field) => {
    const value = members[field.jsonName] ?? members[field.name];
    if (value === undefined || field.message === undefined || field.fieldKind === "map") return [];
    const { message: type } = field;
    const values = Array.isArray(value)
      ? value.map((one, index) => [`[${index}]`, one] as const)
      : ([["", value]] as const);
    return values.flatMap(([suffix, one]) => {
      const name = `${path}${field.name}${suffix}`;
      if (type.typeName !== "google.protobuf.Timestamp") return findUnrealTimes(type, one, `${name}.`);
      return typeof one === "string" && !exists(one) ? [unreal(name)] : [];
    });
  });
}

function unreal(field: string): FieldViolation {
  return {
    field,
    description: "must be a date and time that exist, such as 2024-02-29T08:00:00Z",
    rule: "timestamp.real",
  };
}

/** Whether a time in the form of RFC 3339 exists; what has another form is left to the reader to refuse. */
function exists(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})/.exec(text);
  if (!match) return true;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
}

async function parse(bytes: Buffer, { enveloped, compression, maxBytes }: JsonBody): Promise<unknown> {
  try {
    // An envelope is one byte of flags, the lowest for compression, and four of length.
    const compressed = compression !== undefined && (!enveloped || ((bytes[0] ?? 0) & 1) === 1);
    const data = enveloped ? bytes.subarray(5) : bytes;
    const text = compressed ? await compression.decompress(data, maxBytes) : data;
    return JSON.parse(new TextDecoder().decode(text));
  } catch {
    // Connect reads the same bytes and says what is wrong with them.
    return undefined;
  }
}

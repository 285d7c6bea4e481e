import type { DescMessage } from "@bufbuild/protobuf";
import { errors, type FieldViolation } from "../errors.ts";
import { toConnectError } from "./connect-error.ts";

/**
 * Refuses a message in JSON with times that do not exist. Protobuf's JSON reader takes the 31st of February for the
 * 3rd of March, and a value on the wrong day is worse than none.
 *
 * @throws ConnectError FIELD_INVALID naming each time that does not exist
 */
export function checkRealTimes(message: DescMessage, bytes: Uint8Array): void {
  const violations = findUnrealTimes(message, parse(bytes));
  if (violations.length > 0) throw toConnectError(errors.fieldsInvalid(violations));
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

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Connect reads the same bytes and says what is wrong with them.
    return undefined;
  }
}

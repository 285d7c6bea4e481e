import { type DescEnum, isFieldSet, type Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  DoubleRulesSchema,
  EnumRulesSchema,
  type FieldRules,
  Int32RulesSchema,
  Int64RulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
  TimestampRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Whether a value certainly keeps its rules. False only means that this check cannot tell. */
export type Check<Value = unknown> = (value: Value) => boolean;

type Rules = FieldRules["type"];
type RulesOf<Case extends NonNullable<Rules["case"]>> = Extract<Rules, { case: Case }>["value"];

const schemas = {
  string: StringRulesSchema,
  int32: Int32RulesSchema,
  int64: Int64RulesSchema,
  double: DoubleRulesSchema,
  enum: EnumRulesSchema,
  timestamp: TimestampRulesSchema,
  repeated: RepeatedRulesSchema,
} as const;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** The last second of the year 9999; a time beyond it is none. */
const lastSecond = 253_402_300_799n;

/**
 * Makes the check of one value, or of one element of a list, from its rules.
 *
 * @returns undefined when there is a rule among them that only protovalidate knows
 */
export function compileValue(rules: Rules, enumeration?: DescEnum): Check | undefined {
  switch (rules.case) {
    case undefined:
      return () => true;
    case "string":
      return compileString(rules.value) as Check | undefined;
    case "int32":
    case "int64":
      return isOnly(rules.case, rules.value, bounds) ? (inBounds(rules.value) as Check) : undefined;
    case "double":
      return compileDouble(rules.value) as Check | undefined;
    case "enum":
      return compileEnum(rules.value, enumeration) as Check | undefined;
    case "timestamp":
      return compileTimestamp(rules.value) as Check | undefined;
    default:
      return undefined;
  }
}

/**
 * Makes the check of a list itself from its rules; its elements are checked apart.
 *
 * @returns undefined when there is a rule among them that only protovalidate knows
 */
export function compileList(rules: RulesOf<"repeated">): Check<readonly unknown[]> | undefined {
  if (!isOnly("repeated", rules, ["minItems", "maxItems", "unique", "items"])) return undefined;
  const { minItems, maxItems, unique } = rules;
  return (list) =>
    list.length >= minItems &&
    (maxItems === 0n || list.length <= maxItems) &&
    (!unique || new Set(list).size === list.length);
}

const bounds = ["gt", "gte", "lt", "lte"];

function compileString(rules: RulesOf<"string">): Check<string> | undefined {
  if (!isOnly("string", rules, ["minLen", "maxLen", "pattern", "uuid"])) return undefined;
  // Rules count code points, and a string has at most as many as it has UTF-16 units, at least half as many.
  const least = Number(rules.minLen) * 2 - 1;
  const most = isFieldSet(rules, StringRulesSchema.field.maxLen) ? Number(rules.maxLen) : Number.POSITIVE_INFINITY;
  const matches = rules.pattern === "" ? () => true : compilePattern(rules.pattern);
  if (!matches) return undefined;
  const isUuid = rules.wellKnown.case === "uuid" && rules.wellKnown.value;
  return (text) => text.length >= least && text.length <= most && matches(text) && (!isUuid || uuid.test(text));
}

/** Only a pattern that means the same to RE2 and to JavaScript: printable ASCII without escapes, flags, classes by name. */
function compilePattern(pattern: string): Check<string> | undefined {
  if (pattern === "^[^\\x00]*$") return (text) => !text.includes("\0");
  if (!/^\^[ -[\]-~]*\$$/.test(pattern) || /\(\?|\||\[:/.test(pattern)) return undefined;
  const compiled = new RegExp(pattern, "u");
  return (text) => compiled.test(text);
}

function compileDouble(rules: RulesOf<"double">): Check<number> | undefined {
  if (!isOnly("double", rules, [...bounds, "finite"])) return undefined;
  const within = inBounds(rules);
  return rules.finite ? (value) => Number.isFinite(value) && within(value) : within;
}

function compileEnum(rules: RulesOf<"enum">, enumeration: DescEnum | undefined): Check<number> | undefined {
  if (!enumeration || !isOnly("enum", rules, ["definedOnly", "notIn"])) return undefined;
  const defined = rules.definedOnly ? new Set(enumeration.values.map((value) => value.number)) : undefined;
  const refused = new Set(rules.notIn);
  return (value) => (!defined || defined.has(value)) && !refused.has(value);
}

function compileTimestamp(rules: RulesOf<"timestamp">): Check<Timestamp> | undefined {
  if (!isOnly("timestamp", rules, ["gte"]) || rules.greaterThan.case !== "gte") return undefined;
  const { seconds: first, nanos: firstNanos } = rules.greaterThan.value;
  return ({ seconds, nanos }) =>
    (seconds > first || (seconds === first && nanos >= firstNanos)) &&
    seconds <= lastSecond &&
    nanos >= 0 &&
    nanos <= 999_999_999;
}

interface Bounds {
  readonly greaterThan: { readonly case?: "gt" | "gte" | undefined; readonly value?: number | bigint | undefined };
  readonly lessThan: { readonly case?: "lt" | "lte" | undefined; readonly value?: number | bigint | undefined };
}

/** A lower bound above the upper one means something else to protovalidate; no value is within such bounds here. */
function inBounds({ greaterThan, lessThan }: Bounds): Check<number | bigint> {
  const low = greaterThan.value;
  const high = lessThan.value;
  const above: Check<number | bigint> =
    low === undefined ? () => true : greaterThan.case === "gt" ? (value) => value > low : (value) => value >= low;
  const below: Check<number | bigint> =
    high === undefined ? () => true : lessThan.case === "lt" ? (value) => value < high : (value) => value <= high;
  return (value) => above(value) && below(value);
}

/** Whether no other rules are set than those named. */
function isOnly(kind: keyof typeof schemas, rules: Message, names: readonly string[]): boolean {
  if (rules.$unknown && rules.$unknown.length > 0) return false;
  return schemas[kind].fields.every((field) => !isFieldSet(rules as never, field) || names.includes(field.localName));
}

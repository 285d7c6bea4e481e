import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { errors, type FieldViolation } from "./errors.ts";
import { isCertainlyValid } from "./validation/quick-check.ts";
import { withoutSurplus } from "./validation/without-surplus.ts";

const validator = createValidator();

/**
 * Checks a message against the rules in its .proto file.
 *
 * @param prefix path of the message in the request, when it is not the request itself
 * @throws WellvaultError FIELD_INVALID naming each field that breaks a rule
 */
export function validateMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  prefix = "",
): void {
  const violations = findViolations(schema, message, prefix);
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
}

/** Finds the fields of a message that break a rule; see {@link validateMessage}. */
export function findViolations<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  prefix: string,
): FieldViolation[] {
  if (isCertainlyValid(schema, message)) return [];
  const result = validator.validate(schema, withoutSurplus(schema, message));
  if (result.kind === "valid") return [];
  if (result.kind === "error") throw result.error;
  return result.violations.map((violation): FieldViolation => {
    const path = pathToString(violation.field);
    return {
      field: [prefix, path].filter((part) => part !== "").join(".") || "request",
      description: describe(violation.ruleId, violation.message),
      rule: violation.ruleId,
    };
  });
}

/** Validates an empty message of each type, so that no caller waits for the rules to be compiled. */
export function warmUpValidation(
  schemas: Iterable<DescMessage>,
  create: (schema: DescMessage) => MessageShape<DescMessage>,
): void {
  for (const schema of schemas) {
    isCertainlyValid(schema, create(schema));
    validator.validate(schema, create(schema));
  }
}

function describe(ruleId: string, message: string): string {
  // The library shows patterns as they are; for the one that only keeps out NUL, say so.
  if (ruleId === "string.pattern" && message.includes("\\x00")) return "must not contain the character U+0000";
  return message || `breaks the rule ${ruleId}`;
}

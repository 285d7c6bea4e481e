import { ScalarType } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Caller } from "../../support/callers.ts";
import type { Random } from "../storm/random.ts";
import { describeFailure } from "../support/outcome.ts";
import { type ApiCall, isOfPlatform } from "./calls.ts";
import type { Company } from "./company.ts";
import type { RequestField } from "./fields.ts";
import type { RawAnswer } from "./raw-call.ts";
import type { Stage } from "./stage.ts";

const whole = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
const long = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)];
const real = [Number.NaN, Number.POSITIVE_INFINITY, -1.7e308, 5e-324];

/**
 * Values that a field should not hold, or only just.
 *
 * @param planted stands in every text among them
 */
export function badValues({ field }: RequestField, planted: string): readonly unknown[] {
  const single = singleValues(field.scalar, field.enum !== undefined, planted);
  if (field.fieldKind !== "list") return single;
  const [first] = single;
  return [...single.map((value) => [value]), Array.from({ length: 2_000 }, () => first)];
}

function singleValues(scalar: ScalarType | undefined, isEnum: boolean, planted: string): readonly unknown[] {
  if (isEnum) return [99, -1];
  switch (scalar) {
    case ScalarType.STRING:
      return ["", planted, `${planted} `.repeat(400), `${planted}${"x".repeat(100_000)}`, `%s%n{}[]${planted}\n\t`];
    case ScalarType.INT64:
      return long;
    case ScalarType.DOUBLE:
      return real;
    case ScalarType.BOOL:
      return [true];
    default:
      return whole;
  }
}

/** Makes the call with a value in a field, and says how it ended and what it told besides the id looked for. */
export async function outcomeOf(
  stage: Stage,
  by: Caller,
  field: RequestField,
  company: Company,
  value: unknown,
): Promise<RawAnswer> {
  const request = field.request({ ...disposable(field.call, company), entryId: crypto.randomUUID() }, value);
  try {
    const answer = await stage.call(by, field.call, request, company.badges[field.call.badge]);
    // A stream of requests tells of errors in its responses.
    const outcome = field.call.method.methodKind === "bidi_streaming" ? "ANSWERED" : "OK";
    return { outcome, told: isOfPlatform(field.call) ? undefined : answer };
  } catch (error) {
    if (!(error instanceof ConnectError) || !("told" in error)) throw error;
    return { outcome: describeFailure(error), told: { ...(error.told as object), resource: undefined } };
  }
}

/** The company, but for calls that would take away the employee whom other attacks need. */
export function disposable(call: ApiCall, company: Company): Company {
  return call.name === "DeleteEmployee" ? { ...company, employeeId: crypto.randomUUID() } : company;
}

/** A copy of bytes with some changed, some taken away or some put in between. */
export function disturbed(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const noise = Uint8Array.from({ length: 1 + random.below(4) }, () => random.below(256));
  const rest = random.of([at, at + noise.length, at + 1 + random.below(8)]);
  return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(rest)]);
}

import { clone, create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import type { ApiCall, Prey } from "./calls.ts";

/** A field somewhere in the request of a method. */
export interface RequestField {
  readonly call: ApiCall;
  /** Names from the request down, such as `samples.kind`. */
  readonly path: string;
  /** The field itself. */
  readonly field: DescField;
  /** A valid request about the prey, but with this value in the field. */
  request(prey: Prey, value: unknown): Message;
}

/** Every field of the requests that holds a value and no message, found in the descriptors. */
export function requestFields(calls: readonly ApiCall[]): RequestField[] {
  return calls.flatMap((call) =>
    chains(call.method.input).map((chain) => ({
      call,
      path: chain.map(({ name }) => name).join("."),
      field: chain.at(-1) as DescField,
      request(prey, value) {
        const message = clone(call.method.input, call.request(prey));
        put(message, chain, value);
        return message;
      },
    })),
  );
}

/** Whether a field holds text, alone or as a list. */
export function isText({ field }: RequestField): boolean {
  return field.scalar === ScalarType.STRING;
}

function chains(message: DescMessage): DescField[][] {
  return message.fields.flatMap((field) =>
    field.message ? chains(field.message).map((rest) => [field, ...rest]) : [[field]],
  );
}

type Fields = Record<string, unknown>;

function put(message: Message, [field, ...rest]: readonly DescField[], value: unknown): void {
  if (!field) return;
  const fields = message as unknown as Fields;
  const isList = field.fieldKind === "list";
  if (rest.length === 0) {
    assign(fields, field, isList && !Array.isArray(value) ? [value] : value);
    return;
  }
  const there = read(fields, field);
  const inner =
    (isList ? (there as Message[])[0] : (there as Message | undefined)) ?? create(field.message as DescMessage);
  put(inner, rest, value);
  assign(fields, field, isList ? [inner] : inner);
}

function read(fields: Fields, field: DescField): unknown {
  if (!field.oneof) return fields[field.localName];
  const chosen = fields[field.oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function assign(fields: Fields, field: DescField, value: unknown): void {
  if (field.oneof) fields[field.oneof.localName] = { case: field.localName, value };
  else fields[field.localName] = value;
}

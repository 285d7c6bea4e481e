import { type DescField, type DescMessage, getOption, type MessageShape } from "@bufbuild/protobuf";
import { field as fieldOption } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** The fields of a message by their names in it. */
type Fields = Readonly<Record<string, unknown>>;

/**
 * Returns the message with lists that are too long, in it and in the messages it holds, cut down to one item too many,
 * which breaks the same rule. Whoever sends millions of bad items where a thousand are allowed must not have each of
 * them looked at: that takes seconds, in which nobody else is served.
 */
export function withoutSurplus<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): MessageShape<Desc> {
  return cut(schema, message as unknown as Fields) as unknown as MessageShape<Desc>;
}

function cut(schema: DescMessage, fields: Fields): Fields {
  const changed: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const { oneof, localName } = field;
    const chosen = oneof && (fields[oneof.localName] as { readonly case?: string; readonly value?: unknown });
    if (chosen && chosen.case !== localName) continue;
    const value = chosen ? chosen.value : fields[localName];
    const less = cutValue(field, value);
    if (less === value) continue;
    if (oneof) changed[oneof.localName] = { case: localName, value: less };
    else changed[localName] = less;
  }
  return Object.keys(changed).length === 0 ? fields : { ...fields, ...changed };
}

function cutValue(field: DescField, value: unknown): unknown {
  if (value === undefined) return value;
  if (field.fieldKind === "message") return cut(field.message, value as Fields);
  if (field.fieldKind !== "list") return value;
  const { type } = getOption(field, fieldOption);
  const most = type.case === "repeated" ? Number(type.value.maxItems) : 0;
  const list = value as readonly unknown[];
  return most > 0 && list.length > most + 1 ? list.slice(0, most + 1) : list;
}

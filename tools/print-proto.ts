/**
 * Prints a proto2 file descriptor as .proto source.
 *
 * It exists for `buf/validate/validate.proto`, which no npm package ships as text while
 * `@bufbuild/protovalidate` exports its full descriptor. It covers what that file uses and throws
 * on anything else, so that a new release of the rules cannot be printed wrongly in silence.
 */
import type { DescEnum, DescExtension, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label as Label } from "@bufbuild/protobuf/wkt";
import { predefined } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Returns the source text of `file`; compiled again it declares the same names, numbers and rules. */
export function printProtoFile(file: DescFile): string {
  if (file.proto.syntax !== "" && file.proto.syntax !== "proto2") {
    throw new Error(`Only proto2 files can be printed, not ${file.proto.syntax}.`);
  }
  if (file.services.length > 0) throw new Error("Services cannot be printed.");
  return [
    'syntax = "proto2";',
    `package ${file.proto.package};`,
    ...file.proto.dependency.map((path) => `import "${path}";`),
    ...file.enums.map(printEnum),
    ...file.messages.map(printMessage),
    ...file.extensions.map((ext) => `extend .${ext.extendee.typeName} {\n  ${printField(ext)}\n}`),
    "",
  ].join("\n");
}

function printMessage(message: DescMessage): string {
  if (message.nestedMessages.length + message.nestedEnums.length + message.nestedExtensions.length > 0) {
    throw new Error(`${message.typeName} nests declarations, which cannot be printed.`);
  }
  const { proto } = message;
  const lines: string[] = [];
  for (const member of message.members) {
    if (member.kind === "oneof") {
      const required = member.proto.options?.$unknown?.length ? oneofRequired : "";
      lines.push(`oneof ${member.name} {`, ...(required ? [required] : []), ...member.fields.map(printField), "}");
    } else {
      lines.push(printField(member));
    }
  }
  for (const range of proto.reservedRange) lines.push(`reserved ${range.start} to ${range.end - 1};`);
  for (const name of proto.reservedName) lines.push(`reserved "${name}";`);
  for (const range of proto.extensionRange) {
    lines.push(`extensions ${range.start} to ${range.end > 536870911 ? "max" : range.end - 1};`);
  }
  return [`message ${message.name} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

const oneofRequired = "option (buf.validate.oneof).required = true;";

function printEnum(desc: DescEnum): string {
  const lines = desc.values.map((value) => `${value.name} = ${value.number};`);
  // Unlike a message's, the end of an enum's range belongs to it.
  for (const range of desc.proto.reservedRange) lines.push(`reserved ${range.start} to ${range.end};`);
  for (const name of desc.proto.reservedName) lines.push(`reserved "${name}";`);
  return [`enum ${desc.name} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

function printField(field: DescField | DescExtension): string {
  const label =
    field.fieldKind === "map" || ("oneof" in field && field.oneof)
      ? ""
      : `${{ [Label.OPTIONAL]: "optional", [Label.REPEATED]: "repeated", [Label.REQUIRED]: "required" }[field.proto.label]} `;
  return `${label}${printType(field)} ${field.name} = ${field.number}${printOptions(field)};`;
}

function printType(field: DescField | DescExtension): string {
  switch (field.fieldKind) {
    case "map": {
      const value =
        field.mapKind === "message"
          ? `.${field.message.typeName}`
          : field.mapKind === "enum"
            ? `.${field.enum.typeName}`
            : scalarName(field.scalar);
      return `map<${scalarName(field.mapKey)}, ${value}>`;
    }
    case "list":
      if (field.listKind === "message") return `.${field.message.typeName}`;
      return field.listKind === "enum" ? `.${field.enum.typeName}` : scalarName(field.scalar);
    case "message":
      return `.${field.message.typeName}`;
    case "enum":
      return `.${field.enum.typeName}`;
    case "scalar":
      return scalarName(field.scalar);
  }
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

function printOptions(field: DescField | DescExtension): string {
  if (!hasOption(field, predefined)) return "";
  const rules = getOption(field, predefined).cel.map((rule) => {
    const members = [`id: ${quote(rule.id)}`];
    if (rule.message) members.push(`message: ${quote(rule.message)}`);
    if (rule.expression) members.push(`expression: ${quote(rule.expression)}`);
    return `(buf.validate.predefined).cel = { ${members.join(", ")} }`;
  });
  return ` [\n    ${rules.join(",\n    ")}\n  ]`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

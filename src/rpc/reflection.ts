import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import { WellvaultError } from "../errors.ts";
import type { ServerReflection, ServerReflectionRequest } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import type { ServerReflection as ServerReflectionV1Alpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { nextOfStream, type StreamWait } from "../metrics/next-of-stream.ts";
import { toConnectError } from "./connect-error.ts";

/**
 * Makes grpc.reflection.v1.ServerReflection over the files given and all they import. It tells what
 * the API is and nothing about any tenant. Errors are answered in band, as the protocol wants. Anybody may ask, so a
 * stream that asks nothing for a while is ended.
 */
export function createReflection(
  roots: readonly DescFile[],
  limits: Omit<StreamWait, "signal">,
): ServiceImpl<typeof ServerReflection> {
  const files = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  const byExtension = new Map<string, DescFile>();
  const extensionNumbers = new Map<string, number[]>();
  const services: string[] = [];
  const encoded = new Map<DescFile, Uint8Array>();

  const visit = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    encoded.set(file, toBinary(FileDescriptorProtoSchema, file.proto));
    for (const dependency of file.dependencies) visit(dependency);
    for (const symbol of symbolsOf(file)) bySymbol.set(symbol, file);
    for (const extension of file.extensions) {
      const extendee = extension.extendee.typeName;
      byExtension.set(`${extendee} ${extension.number}`, file);
      extensionNumbers.set(extendee, [...(extensionNumbers.get(extendee) ?? []), extension.number]);
    }
  };
  for (const root of roots) {
    visit(root);
    services.push(...root.services.map((service) => service.typeName));
  }

  const answerFile = (file: DescFile | undefined, what: string) => {
    if (!file) return notFound(what);
    // A file comes with all it imports, so that a client needs one question, not a dozen.
    const all = new Set<DescFile>();
    const collect = (one: DescFile): void => {
      if (all.has(one)) return;
      all.add(one);
      one.dependencies.forEach(collect);
    };
    collect(file);
    const fileDescriptorProto = [...all].flatMap((one) => encoded.get(one) ?? []);
    return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
  };

  const answer = ({ messageRequest: question }: ServerReflectionRequest) => {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse" as const, value: { service: services.map((name) => ({ name })) } };
      case "fileByFilename":
        return answerFile(files.get(question.value), "file");
      case "fileContainingSymbol":
        return answerFile(bySymbol.get(question.value.replace(/^\./, "")), "symbol");
      case "fileContainingExtension":
        return answerFile(
          byExtension.get(`${question.value.containingType} ${question.value.extensionNumber}`),
          "extension",
        );
      case "allExtensionNumbersOfType": {
        const numbers = extensionNumbers.get(question.value);
        if (!numbers && !bySymbol.has(question.value)) return notFound("type");
        return {
          case: "allExtensionNumbersResponse" as const,
          value: { baseTypeName: question.value, extensionNumber: numbers ?? [] },
        };
      }
      default:
        return {
          case: "errorResponse" as const,
          value: { errorCode: Code.InvalidArgument, errorMessage: "The request asks nothing." },
        };
    }
  };

  return {
    async *serverReflectionInfo(requests, { signal }) {
      const items = requests[Symbol.asyncIterator]();
      for (;;) {
        const next = await nextOfStream(items, { ...limits, signal }).catch((error: unknown) => {
          throw error instanceof WellvaultError ? toConnectError(error) : error;
        });
        if (next.done) return;
        const request = next.value;
        // Plain objects, so that both versions of the protocol can make their own messages of them.
        yield {
          validHost: request.host,
          originalRequest: { host: request.host, messageRequest: request.messageRequest },
          messageResponse: answer(request),
        };
      }
    },
  };
}

/** The same service under the name that older clients ask for; the messages are alike field by field. */
export function asV1Alpha(service: ServiceImpl<typeof ServerReflection>): ServiceImpl<typeof ServerReflectionV1Alpha> {
  return service as unknown as ServiceImpl<typeof ServerReflectionV1Alpha>;
}

function notFound(what: string) {
  return {
    case: "errorResponse" as const,
    value: { errorCode: Code.NotFound, errorMessage: `There is no such ${what}.` },
  };
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const desc of file.enums) {
    yield desc.typeName;
    for (const value of desc.values) yield siblingName(desc.typeName, value.name);
  }
  for (const service of file.services) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
  for (const extension of file.extensions) yield extension.typeName;
  const pending = [...file.messages];
  for (let message = pending.pop(); message; message = pending.pop()) {
    yield message.typeName;
    for (const field of message.fields) yield `${message.typeName}.${field.name}`;
    for (const oneof of message.oneofs) yield `${message.typeName}.${oneof.name}`;
    for (const desc of message.nestedEnums) {
      yield desc.typeName;
      for (const value of desc.values) yield siblingName(desc.typeName, value.name);
    }
    for (const extension of message.nestedExtensions) yield extension.typeName;
    pending.push(...message.nestedMessages);
  }
}

/** Enum values are siblings of their enum in Protobuf's naming. */
function siblingName(enumName: string, value: string): string {
  return enumName.replace(/[^.]+$/, value);
}

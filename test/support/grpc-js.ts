import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type CallOptions, type Code, ConnectError } from "@connectrpc/connect";
import { Client, compressionAlgorithms, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import type { Caller } from "./callers.ts";
import type { ClientTls } from "./clients.ts";

/** How {@link openGrpcJsCaller} speaks. */
export interface GrpcJsOptions {
  readonly gzip?: boolean;
  /** Undefined speaks plain text. */
  readonly tls?: ClientTls;
}

/**
 * Opens a caller over @grpc/grpc-js, the client that most Node services use. Its errors are turned into
 * ConnectErrors with the details that `grpc-status-details-bin` carried.
 */
export function openGrpcJsCaller(address: string, { gzip = false, tls }: GrpcJsOptions = {}): Caller {
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  const channel = tls ? credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert)) : credentials.createInsecure();
  const client = new Client(new URL(address).host, channel, {
    ...(gzip ? { "grpc.default_compression_algorithm": compressionAlgorithms.gzip } : {}),
    "grpc.use_local_subchannel_pool": 1,
  });
  return {
    call<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      request: MessageInitShape<I>,
      options: CallOptions = {},
    ) {
      const metadata = new Metadata();
      new Headers(options.headers).forEach((value, key) => {
        metadata.set(key, value);
      });
      return new Promise<MessageShape<O>>((done, fail) => {
        const call = client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
          (bytes: Buffer) => fromBinary(method.output, bytes),
          create(method.input, request),
          metadata,
          options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
          (error, response) => {
            if (response !== undefined && response !== null) done(response);
            else {
              try {
                fail(error ? fromServiceError(error) : new Error("neither an error nor a response"));
              } catch (unreadable) {
                fail(unreadable);
              }
            }
          },
        );
        options.signal?.addEventListener("abort", () => call.cancel(), { once: true });
      });
    },
    close: () => client.close(),
  };
}

/** Reads code, message and details of an error of @grpc/grpc-js. */
export function fromServiceError(error: ServiceError): ConnectError {
  const result = new ConnectError(error.details, error.code as number as Code);
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (bytes instanceof Buffer) {
    const status = fromBinary(StatusSchema, bytes);
    if (status.code !== (error.code as number) || status.message !== error.details) {
      throw new Error(`grpc-status says ${error.code} ${error.details}, the details ${status.code} ${status.message}`);
    }
    result.details.push(...status.details.map((any) => ({ type: any.typeUrl.replace(/^.*\//, ""), value: any.value })));
  }
  return result;
}

import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouterOptions } from "@connectrpc/connect";
import { errors, WellvaultError } from "../errors.ts";
import type { LeanCall } from "./lean-call.ts";
import { checkNested } from "./nested-messages.ts";
import type { UnaryMethod, UnarySpec } from "./unary-methods.ts";

/** A unary method as the lean path serves it. */
export interface LeanMethod
  extends Required<
      Pick<ConnectRouterOptions, "acceptCompression" | "readMaxBytes" | "compressMinBytes" | "interceptors">
    >,
    Pick<ConnectRouterOptions, "requestGate"> {
  readonly spec: UnarySpec;
  /** Such as `/wellvault.v1.EmployeeService/GetEmployee`. */
  readonly path: string;
  /** Its calls that are running. */
  readonly running: Set<LeanCall>;
  /**
   * Decodes a request.
   *
   * @throws ConnectError when it cannot be decoded, or holds too many messages
   */
  parse(data: Uint8Array): MessageShape<DescMessage>;
  /**
   * Encodes a response.
   *
   * @throws ConnectError RESOURCE_EXHAUSTED when it is larger than allowed
   */
  serialize(message: MessageShape<DescMessage>): Uint8Array;
}

/** What a router takes when it is told no limit, as Connect has it: as much as an envelope can say. */
const unlimitedBytes = 0xffffffff;
/** What is smaller is not compressed unless a router says otherwise, as Connect has it. */
const defaultCompressMinBytes = 1_024;

/** Prepares a method for the lean path. When the server ends calls, those that are running here end. */
export function createLeanMethod({ spec, options }: UnaryMethod): LeanMethod {
  const { input, output, parent, name } = spec.method;
  const { readMaxBytes = unlimitedBytes, writeMaxBytes = unlimitedBytes, binaryOptions, shutdownSignal } = options;
  const running = new Set<LeanCall>();
  shutdownSignal?.addEventListener("abort", ({ target }) => {
    const { reason } = target as AbortSignal;
    for (const call of running) call.abort(reason instanceof WellvaultError ? reason : errors.draining());
  });
  return {
    acceptCompression: options.acceptCompression ?? [],
    readMaxBytes,
    compressMinBytes: options.compressMinBytes ?? defaultCompressMinBytes,
    interceptors: options.interceptors ?? [],
    ...(options.requestGate && { requestGate: options.requestGate }),
    spec,
    path: `/${parent.typeName}/${name}`,
    running,
    parse(data) {
      checkNested(input, data);
      return orProtocolError("parse", () => fromBinary(input, data, binaryOptions));
    },
    serialize(message) {
      const data = orProtocolError("serialize", () => toBinary(output, message, binaryOptions));
      if (data.byteLength <= writeMaxBytes) return data;
      throw new ConnectError(`a message of ${data.byteLength} bytes is too large`, Code.ResourceExhausted);
    },
  };
}

/** Tells of what Protobuf threw in the words that the rest of the service knows from Connect. */
function orProtocolError<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ConnectError(`${what} binary: ${error instanceof Error ? error.message : error}`, Code.Internal);
  }
}

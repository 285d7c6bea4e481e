import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  createMethodSerializationLookup,
  createMethodUrl,
  type UniversalHandlerOptions,
  validateUniversalHandlerOptions,
} from "@connectrpc/connect/protocol";
import { errors, WellvaultError } from "../errors.ts";
import type { LeanCall } from "./lean-call.ts";
import { checkNested } from "./nested-messages.ts";
import type { UnaryMethod, UnarySpec } from "./unary-methods.ts";

/** A unary method as the lean path serves it. */
export interface LeanMethod
  extends Pick<
    UniversalHandlerOptions,
    "acceptCompression" | "readMaxBytes" | "compressMinBytes" | "interceptors" | "requestGate"
  > {
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

/** Prepares a method for the lean path. When the server ends calls, those that are running here end. */
export function createLeanMethod({ spec, options }: UnaryMethod): LeanMethod {
  const valid = validateUniversalHandlerOptions(options);
  const formats = createMethodSerializationLookup(spec.method, valid.binaryOptions, valid.jsonOptions, valid);
  const input = formats.getI(true);
  const { serialize } = formats.getO(true);
  const running = new Set<LeanCall>();
  valid.shutdownSignal?.addEventListener("abort", ({ target }) => {
    const { reason } = target as AbortSignal;
    for (const call of running) call.abort(reason instanceof WellvaultError ? reason : errors.draining());
  });
  const parse = (data: Uint8Array) => {
    checkNested(spec.method.input, data);
    return input.parse(data);
  };
  return { ...valid, spec, path: createMethodUrl("/", spec.method), running, parse, serialize };
}

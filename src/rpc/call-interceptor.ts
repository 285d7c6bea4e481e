import type { DescMethod, MessageShape } from "@bufbuild/protobuf";
import { ConnectError, type Interceptor, type StreamRequest, type StreamResponse } from "@connectrpc/connect";
import type { Logger } from "pino";
import { WellvaultError } from "../errors.ts";
import { requireOwnEmployee, withholdStored } from "../identity/access-rules.ts";
import { validateMessage } from "../validation.ts";
import { callKey } from "./call.ts";
import { toCatalogueError, toConnectError } from "./connect-error.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * Makes the interceptor around every handler: it checks the request against its rules and the caller's
 * own id, answers when the deadline passes even if the handler does not, and turns whatever is thrown
 * into a value of the error catalogue. In a stream it checks every request as it comes, and turns what is
 * thrown between two responses; a stream has no deadline but the caller's. Where requests are a stream, each
 * passes the gate again, and its rules are checked by the handler, which may go on after a bad one.
 */
export function createCallInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await inStream(next, request, log);
    try {
      const call = request.contextValues.get(callKey);
      validateMessage(request.method.input, request.message);
      if (call) requireOwnEmployee(call.principal, request.method, request.message);
      const response = await untilAborted(next(request), request.signal);
      if (call) withholdStored(call.principal, request.method, response.message as object);
      return response;
    } catch (error) {
      throw toConnectError(toCatalogueError(error, log, request.signal));
    }
  };
}

type Next = (request: StreamRequest) => Promise<unknown>;

async function inStream(
  next: Parameters<Interceptor>[0],
  request: StreamRequest,
  log: Logger,
): Promise<StreamResponse> {
  const call = request.contextValues.get(callKey);
  // The services about the server itself have no gate, and errors of their own.
  if (!call) return (await (next as Next)(request)) as StreamResponse;
  // What was thrown while a request was read comes out of the handler, too, in the form for the wire.
  const toError = (error: unknown) => {
    const known = error instanceof ConnectError && error.cause instanceof WellvaultError ? error.cause : error;
    return toConnectError(toCatalogueError(known, log, request.signal));
  };
  const { methodKind } = request.method;
  const isOfMany = methodKind === "bidi_streaming" || methodKind === "client_streaming";
  const check = async (message: MessageShape<DescMethod["input"]>) => {
    if (!isOfMany) validateMessage(request.method.input, message);
    const now = isOfMany ? await call.again() : call;
    request.contextValues.set(callKey, now);
    requireOwnEmployee(now.principal, request.method, message);
  };
  try {
    const response = (await (next as Next)({
      ...request,
      message: each(request.message, toError, check),
    } as StreamRequest)) as StreamResponse;
    return { ...response, message: each(response.message, toError) } as StreamResponse;
  } catch (error) {
    throw toError(error);
  }
}

/** Passes on what comes, after a check, and what is thrown, as `toError` makes it. */
async function* each<T>(
  items: AsyncIterable<T>,
  toError: (error: unknown) => Error,
  check?: (item: T) => Promise<void>,
): AsyncGenerator<T> {
  try {
    for await (const item of items) {
      await check?.(item);
      yield item;
    }
  } catch (error) {
    throw toError(error);
  }
}

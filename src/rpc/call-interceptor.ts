import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { requireOwnEmployee } from "../identity/access-rules.ts";
import { validateMessage } from "../validation.ts";
import { callKey } from "./call.ts";
import { abortReason, toCatalogueError, toConnectError } from "./connect-error.ts";

/**
 * Makes the interceptor around every handler: it checks the request against its rules and the caller's
 * own id, answers when the deadline passes even if the handler does not, and turns whatever is thrown
 * into a value of the error catalogue.
 */
export function createCallInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    try {
      const call = request.contextValues.get(callKey);
      validateMessage(request.method.input, request.message);
      if (call) requireOwnEmployee(call.principal, request.method, request.message);
      return await untilAborted(next(request), request.signal);
    } catch (error) {
      throw toConnectError(toCatalogueError(error, log, request.signal));
    }
  };
}

/** Rejects when the signal fires before the promise is settled. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    throw abortReason(signal);
  }
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortReason(signal));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
    // Whoever lost the race must not end the process by an unhandled rejection.
    promise.catch(() => undefined);
    aborted.catch(() => undefined);
  }
}

import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { requireOwnEmployee, withholdStored } from "../identity/access-rules.ts";
import { validateMessage } from "../validation.ts";
import { callKey } from "./call.ts";
import { toCatalogueError, toConnectError } from "./connect-error.ts";
import { untilAborted } from "./until-aborted.ts";

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
      const response = await untilAborted(next(request), request.signal);
      if (call) withholdStored(call.principal, request.method, response.message as object);
      return response;
    } catch (error) {
      throw toConnectError(toCatalogueError(error, log, request.signal));
    }
  };
}

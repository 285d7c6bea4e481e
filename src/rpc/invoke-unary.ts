import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, UnaryRequest, UnaryResponse } from "@connectrpc/connect";
import type { UnarySpec } from "./unary-methods.ts";

/**
 * Calls the implementation of a unary method through its interceptors, the first of which is the outermost, as Connect
 * does, and returns what the outermost returns.
 */
export async function invokeUnary(
  { method, impl }: UnarySpec,
  context: HandlerContext,
  message: MessageShape<DescMessage>,
  interceptors: readonly Interceptor[],
): Promise<UnaryResponse> {
  const common = { stream: false, service: method.parent, method } as const;
  const call = async (request: UnaryRequest): Promise<UnaryResponse> => ({
    ...common,
    header: context.responseHeader,
    trailer: context.responseTrailer,
    message: create(method.output, await impl(request.message, contextOf(request, context))),
  });
  const { requestMethod, url, signal, requestHeader, values } = context;
  const request: UnaryRequest = {
    ...common,
    ...{ requestMethod, url, signal, header: requestHeader, contextValues: values, message },
  };
  const outermost = interceptors.reduceRight((next, interceptor) => interceptor(next), call as ReturnType<Interceptor>);
  return (await outermost(request)) as UnaryResponse;
}

/** The context of a handler, with what interceptors may have put in the place of something in the request. */
function contextOf({ header, signal, contextValues }: UnaryRequest, context: HandlerContext): HandlerContext {
  const isSame = header === context.requestHeader && signal === context.signal && contextValues === context.values;
  return isSame ? context : { ...context, requestHeader: header, signal, values: contextValues };
}

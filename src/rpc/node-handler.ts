import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  createContextValues,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerFn } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { errors } from "../errors.ts";
import { answer } from "./answer.ts";
import { cutOffAfter, stopSendingAfter, whenOver, whileTaken } from "./call-end.ts";
import { internal } from "./connect-error.ts";
import { applyDeadline, bodyUntil, type DeadlineLimits, streamDeadlines } from "./deadline.ts";
import { withRealTimes, withRealTimesInEach } from "./json-times.ts";
import { createLeanHandler, type TakeStream } from "./lean-handler.ts";
import { credentialsKey, credentialsOf } from "./peer.ts";
import { withErrorDetails } from "./protocol-errors.ts";
import { isAuthority, refuseAuthority, refuseMetadata } from "./request-checks.ts";
import { countRunningCalls } from "./running-calls.ts";
import { createTellingRouter, type UnaryMethod } from "./unary-methods.ts";

/** A request as either version of HTTP brings it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response of either version of HTTP. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Largest message taken or sent, in bytes: gRPC's own default, so that no client is surprised. */
export const maxMessageBytes = 4 * 1_024 * 1_024;

/** The compressions that bodies may have, besides none. */
const compressions = [compressionGzip, compressionBrotli];

/** What the handler is made of. */
export interface NodeHandlerOptions {
  /** Registers the services on a router that uses the options given. */
  readonly routes: (router: (options: Partial<ConnectRouterOptions>) => ConnectRouter) => readonly ConnectRouter[];
  readonly deadlines: DeadlineLimits;
  /** Whether unary gRPC takes the lean path; otherwise Connect serves it like all the rest. */
  readonly leanUnary: boolean;
  /** For how long the caller of a stream may take nothing of its response, in milliseconds. Default a minute. */
  readonly streamStallMs?: number;
  readonly log: Logger;
}

/** Serves calls over Node's HTTP servers. */
export interface NodeHandler {
  /** Takes one request. */
  handle(request: NodeRequest, response: NodeResponse): void;
  /** Takes one stream of HTTP/2 before it becomes a request; what it does not take is for {@link handle}. */
  readonly takeStream: TakeStream;
  /** Refuses every new call from now on. */
  refuse(): void;
  /** Resolves once no call is running. */
  idle(): Promise<void>;
}

/** Makes the handler that routes requests to services, or answers what cannot be routed. */
export function createNodeHandler(options: NodeHandlerOptions): NodeHandler {
  const { routes, deadlines, leanUnary, streamStallMs = 60_000, log } = options;
  const common: Partial<ConnectRouterOptions> = {
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    acceptCompression: compressions,
    // Fields that a newer client sends are not an error to an older server.
    jsonOptions: { ignoreUnknownFields: true },
  };
  const paths = new Map<string, { call: UniversalHandlerFn; handler: UniversalHandler }>();
  const methods: UnaryMethod[] = [];
  const routers = routes((options) =>
    createTellingRouter({ ...common, ...options }, (method) => void methods.push(method)),
  );
  for (const router of routers) {
    for (const handler of router.handlers) {
      paths.set(handler.requestPath, { call: withErrorDetails(handler, log), handler });
    }
  }

  const running = countRunningCalls();
  let refusing = false;

  return {
    handle(request, response) {
      running.begin();
      whenOver(request, response, running.end);
      stopSendingAfter(request, response);
      const tooMuch = refuseMetadata(request.rawHeaders);
      if (tooMuch) return answer(request, response, tooMuch);
      const route = paths.get(request.url?.split("?", 1)[0] ?? "");
      if (!route) return answer(request, response, errors.methodUnknown(), { status: 404 });
      if (refusing) return answer(request, response, errors.draining());
      serve(request, response, route.call, route.handler, { deadlines, streamStallMs }).catch((error: unknown) => {
        // The caller went away before or in the middle of the response: nobody is left to tell.
        if (ConnectError.from(error).code === Code.Aborted) return;
        if (!response.headersSent && !response.destroyed) {
          return answer(request, response, internal(error, log));
        }
        log.debug({ err: error }, "a response was cut off");
      });
    },
    takeStream: leanUnary
      ? createLeanHandler({ methods, deadlines, running, isRefusing: () => refusing, log })
      : () => false,
    refuse() {
      refusing = true;
    },
    idle: running.idle,
  };
}

async function serve(
  request: NodeRequest,
  response: NodeResponse,
  call: UniversalHandlerFn,
  handler: UniversalHandler,
  { deadlines, streamStallMs }: { readonly deadlines: DeadlineLimits; readonly streamStallMs: number },
): Promise<void> {
  const authority = "authority" in request ? request.authority : request.headers.host;
  if (!isAuthority(authority)) return answer(request, response, refuseAuthority());
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  const values = createContextValues().set(credentialsKey, credentialsOf(socket, request.rawHeaders));
  const universal = universalRequestFromNodeRequest(request as never, response as never, undefined, values);
  const startedAt = performance.now();
  const isUnary = handler.method.methodKind === "unary";
  const timeoutMs = applyDeadline(universal.header, isUnary ? deadlines : streamDeadlines);
  if (isUnary && timeoutMs !== undefined) cutOffAfter(request, response, timeoutMs);
  if (isUnary && timeoutMs !== undefined && isBody(universal.body)) {
    universal.body = bodyUntil(universal.body, startedAt + timeoutMs);
  }
  if (isBody(universal.body)) universal.body = checkedJson(universal.header, universal.body, handler);
  const result = await call(universal);
  if (result.status >= 400 && !result.body) {
    // Connect refuses a verb, a content type or a version of HTTP by its status alone.
    const malformed = errors.requestMalformed(
      Code.InvalidArgument,
      "The method takes no call of this form. Send a POST as gRPC, gRPC-Web or Connect; bidirectional streams need HTTP/2.",
    );
    const allow = handler.allowedMethods.join(", ");
    const headers = { ...Object.fromEntries(result.header ?? []), ...(result.status === 405 ? { allow } : {}) };
    return answer(request, response, malformed, { status: result.status, headers });
  }
  const { body } = result;
  const watched = isUnary || !body ? result : { ...result, body: whileTaken(body, request, response, streamStallMs) };
  await universalResponseToNodeResponse(watched, response as never);
}

/** Has the times in a JSON body checked; other bodies are passed on as they are. */
function checkedJson(header: Headers, body: AsyncIterable<Uint8Array>, { method }: UniversalHandler) {
  const match = /^application\/(?:(connect|grpc|grpc-web)\+)?json\b/i.exec(header.get("content-type") ?? "");
  if (!match) return body;
  const protocol = match[1]?.toLowerCase();
  const encoding = header.get(encodingHeaders[protocol ?? ""] ?? "grpc-encoding");
  const options = {
    message: method.input,
    enveloped: protocol !== undefined,
    compression: compressions.find(({ name }) => name === encoding),
    maxBytes: maxMessageBytes,
  };
  return method.methodKind === "unary" ? withRealTimes(body, options) : withRealTimesInEach(body, options);
}

/** Which header says how messages in JSON are compressed, by protocol, where it is not gRPC's. */
const encodingHeaders: Readonly<Record<string, string>> = {
  "": "content-encoding",
  connect: "connect-content-encoding",
};

function isBody(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

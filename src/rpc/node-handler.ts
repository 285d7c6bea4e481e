import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import {
  Code,
  ConnectError,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { errors, type WellvaultError } from "../errors.ts";
import { cutOffAfter, stopSendingAfter, whenOver } from "./call-end.ts";
import { internal, toConnectError } from "./connect-error.ts";
import { applyDeadline, bodyUntil, type DeadlineLimits, streamDeadlines } from "./deadline.ts";
import { withRealTimes } from "./json-times.ts";
import { credentialsKey, credentialsOf } from "./peer.ts";
import { setErrorStatus, withErrorDetails } from "./protocol-errors.ts";

/** A request as either version of HTTP brings it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response of either version of HTTP. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Largest message taken or sent, in bytes: gRPC's own default, so that no client is surprised. */
export const maxMessageBytes = 4 * 1_024 * 1_024;

/** The compressions that bodies may have, besides none. */
const compressions = [compressionGzip, compressionBrotli];

/** Largest metadata of a call, in bytes. HTTP/1.1 has the same limit in listener.ts. */
export const maxHeaderBytes = 16_384;

/** What the handler is made of. */
export interface NodeHandlerOptions {
  /** Registers the services on a router that uses the options given. */
  readonly routes: (
    router: (options: Partial<ConnectRouterOptions>) => ReturnType<typeof createConnectRouter>,
  ) => readonly ReturnType<typeof createConnectRouter>[];
  readonly deadlines: DeadlineLimits;
  readonly log: Logger;
}

/** Serves calls over Node's HTTP servers. */
export interface NodeHandler {
  /** Takes one request. */
  handle(request: NodeRequest, response: NodeResponse): void;
  /** Refuses every new call from now on. */
  refuse(): void;
  /** Resolves once no call is running. */
  idle(): Promise<void>;
}

/** Makes the handler that routes requests to services, or answers what cannot be routed. */
export function createNodeHandler({ routes, deadlines, log }: NodeHandlerOptions): NodeHandler {
  const common: Partial<ConnectRouterOptions> = {
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    acceptCompression: compressions,
    // Fields that a newer client sends are not an error to an older server.
    jsonOptions: { ignoreUnknownFields: true },
  };
  const paths = new Map<string, { call: UniversalHandlerFn; handler: UniversalHandler }>();
  for (const router of routes((options) => createConnectRouter({ ...common, ...options }))) {
    for (const handler of router.handlers) {
      paths.set(handler.requestPath, { call: withErrorDetails(handler, log), handler });
    }
  }

  let refusing = false;
  let running = 0;
  let onIdle: (() => void)[] = [];
  const finished = () => {
    running--;
    if (running > 0) return;
    for (const wake of onIdle) wake();
    onIdle = [];
  };

  return {
    handle(request, response) {
      running++;
      whenOver(request, response, finished);
      stopSendingAfter(request, response);
      if (headerBytes(request) > maxHeaderBytes) {
        return answer(
          request,
          response,
          errors.requestMalformed(Code.InvalidArgument, "The metadata is larger than 16 KiB. Send less of it."),
        );
      }
      const route = paths.get(request.url?.split("?", 1)[0] ?? "");
      if (!route) return answer(request, response, errors.methodUnknown(), { status: 404 });
      if (refusing) return answer(request, response, errors.draining());
      serve(request, response, route.call, route.handler, deadlines).catch((error: unknown) => {
        // The caller went away before or in the middle of the response: nobody is left to tell.
        if (ConnectError.from(error).code === Code.Aborted) return;
        if (!response.headersSent && !response.destroyed) {
          return answer(request, response, internal(error, log));
        }
        log.debug({ err: error }, "a response was cut off");
      });
    },
    refuse() {
      refusing = true;
    },
    idle: () => new Promise((done) => (running === 0 ? done() : onIdle.push(done))),
  };
}

async function serve(
  request: NodeRequest,
  response: NodeResponse,
  call: UniversalHandlerFn,
  handler: UniversalHandler,
  deadlines: DeadlineLimits,
): Promise<void> {
  const authority = "authority" in request ? request.authority : request.headers.host;
  if (!authority || !URL.canParse(`http://${authority}`)) {
    const malformed = errors.requestMalformed(Code.InvalidArgument, "The request has no usable authority.");
    return answer(request, response, malformed);
  }
  const values = createContextValues().set(credentialsKey, credentialsOf(request));
  const universal = universalRequestFromNodeRequest(request as never, response as never, undefined, values);
  const startedAt = performance.now();
  const isUnary = handler.method.methodKind === "unary";
  const timeoutMs = applyDeadline(universal.header, isUnary ? deadlines : streamDeadlines);
  if (isUnary && timeoutMs !== undefined) cutOffAfter(request, response, timeoutMs);
  if (isUnary && timeoutMs !== undefined && isBody(universal.body)) {
    universal.body = bodyUntil(universal.body, startedAt + timeoutMs);
  }
  if (isUnary && isBody(universal.body)) universal.body = checkedJson(universal.header, universal.body, handler);
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
  await universalResponseToNodeResponse(result, response as never);
}

/** Has the times in a JSON body checked; other bodies are passed on as they are. */
function checkedJson(header: Headers, body: AsyncIterable<Uint8Array>, { method }: UniversalHandler) {
  const type = header.get("content-type") ?? "";
  if (!/^application\/(json|grpc(-web)?\+json)\b/i.test(type)) return body;
  const enveloped = !/^application\/json/i.test(type);
  const encoding = header.get(enveloped ? "grpc-encoding" : "content-encoding");
  return withRealTimes(body, {
    message: method.input,
    enveloped,
    compression: compressions.find(({ name }) => name === encoding),
    maxBytes: maxMessageBytes,
  });
}

function headerBytes({ rawHeaders }: NodeRequest): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, 0);
}

function isBody(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** The content types of gRPC and gRPC-Web, which want HTTP 200 and the error in trailers. */
const grpcType = /^application\/grpc(-web)?(\+(proto|json))?\s*(;|$)/i;

/** Answers a call that reaches no handler, in the form that the caller's protocol reads. */
function answer(
  request: NodeRequest,
  response: NodeResponse,
  error: WellvaultError,
  { status = codeToHttpStatus(error.code), headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): void {
  const type = String(request.headers["content-type"] ?? "");
  const connectError = toConnectError(error);
  request.resume();
  if (grpcType.test(type)) {
    // A "trailers only" response: the status stands in the headers and there is no body.
    const trailer = Object.fromEntries(setErrorStatus(new Headers(), connectError));
    writeHead(response, 200, { ...headers, "content-type": type, ...trailer });
    response.end();
    return;
  }
  const body = errorToJsonBytes(connectError, undefined);
  const length = String(body.byteLength);
  writeHead(response, status, { ...headers, "content-type": "application/json", "content-length": length });
  response.end(body);
}

/** Both kinds of response have this method; TypeScript cannot call a union of their overloads. */
function writeHead(response: NodeResponse, status: number, headers: Record<string, string>): void {
  (response as ServerResponse).writeHead(status, headers);
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  createContextValues,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { errors } from "../errors.ts";
import { answer } from "./answer.ts";
import { cutOffAfter, stopSendingAfter, whenOver, whileTaken } from "./call-end.ts";
import { checkedBody } from "./check-body.ts";
import { compressions } from "./compressions.ts";
import { internal, toConnectError } from "./connect-error.ts";
import { applyDeadline, bodyUntil, type DeadlineLimits, streamDeadlines } from "./deadline.ts";
import { checkRealTimes } from "./json-times.ts";
import { createLeanHandler, type TakeStream } from "./lean-handler.ts";
import { checkNested, checkNestedJson } from "./nested-messages.ts";
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

/**
 * Largest message taken by the methods that need no identity, in bytes. Their requests are a name or two, and whoever
 * sends them may be anybody.
 */
export const maxPublicMessageBytes = 64 * 1_024;

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

/** A method as Connect serves it. */
interface Route {
  readonly call: UniversalHandlerFn;
  readonly handler: UniversalHandler;
  /** Largest message that it takes, in bytes. */
  readonly maxBytes: number;
}

/** Makes the handler that routes requests to services, or answers what cannot be routed. */
export function createNodeHandler(options: NodeHandlerOptions): NodeHandler {
  const { routes, deadlines, leanUnary, streamStallMs = 60_000, log } = options;
  const common: Partial<ConnectRouterOptions> = {
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    acceptCompression: [...compressions],
    // What this version has no field for is of no use to it, and each would be an object.
    binaryOptions: { readUnknownFields: false },
    // Fields that a newer client sends are not an error to an older server.
    jsonOptions: { ignoreUnknownFields: true },
  };
  const paths = new Map<string, Route>();
  const methods: UnaryMethod[] = [];
  const limits = new Map<ConnectRouter, number>();
  const routers = routes((options) => {
    const router = createTellingRouter({ ...common, ...options }, (method) => void methods.push(method));
    limits.set(router, options.readMaxBytes ?? maxMessageBytes);
    return router;
  });
  for (const router of routers) {
    const maxBytes = limits.get(router) ?? maxMessageBytes;
    for (const handler of router.handlers) {
      paths.set(handler.requestPath, { call: withErrorDetails(handler, log), handler, maxBytes });
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
      serve(request, response, route, { deadlines, streamStallMs }).catch((error: unknown) => {
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
  route: Route,
  { deadlines, streamStallMs }: { readonly deadlines: DeadlineLimits; readonly streamStallMs: number },
): Promise<void> {
  const { call, handler } = route;
  const authority = "authority" in request ? request.authority : request.headers.host;
  if (!isAuthority(authority)) return answer(request, response, refuseAuthority());
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  const values = createContextValues().set(credentialsKey, credentialsOf(socket, request.rawHeaders));
  const universal = universalRequestFromNodeRequest(request as never, response as never, undefined, values);
  const startedAt = performance.now();
  const isUnary = handler.method.methodKind === "unary";
  if (universal.method === "GET") Object.assign(universal, asPost(universal.header, universal.url, handler));
  const timeoutMs = applyDeadline(universal.header, isUnary ? deadlines : streamDeadlines);
  if (isUnary && timeoutMs !== undefined) cutOffAfter(request, response, timeoutMs);
  // A stream of responses has no deadline, but its one request comes at once.
  const bodyMs = handler.method.methodKind === "server_streaming" ? deadlines.defaultTimeoutMs : isUnary && timeoutMs;
  if (typeof bodyMs === "number" && isBody(universal.body)) {
    universal.body = bodyUntil(universal.body, startedAt + bodyMs);
  }
  if (isBody(universal.body)) universal.body = checked(universal.header, universal.body, route);
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

/**
 * What makes of a GET of Connect the POST that it stands for, so that what its URL holds is read after the gate and
 * checked like any body. Nothing when it is none, or may not be; Connect says so.
 */
function asPost(header: Headers, url: string, { method }: UniversalHandler) {
  const query = new URL(url).searchParams;
  const [encoding, message, compression] = ["encoding", "message", "compression"].map((name) => query.get(name));
  if (method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return {};
  if (typeof message !== "string" || (encoding !== "json" && encoding !== "proto")) return {};
  if (compression && compression !== "identity" && !compressions.some(({ name }) => name === compression)) return {};
  header.set("content-type", `application/${encoding}`);
  header.set("content-encoding", compression || "identity");
  // It was about a body that there is none of.
  header.delete("content-length");
  return { method: "POST", body: decoded(message, query.get("base64") === "1") };
}

/** The one chunk that a text of a URL stands for. */
async function* decoded(text: string, isBase64: boolean): AsyncGenerator<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = isBase64 ? base64Decode(text) : Buffer.from(text);
  } catch {
    const message = "The request cannot be decoded: its parameter `message` must be Base64.";
    throw toConnectError(errors.requestMalformed(Code.InvalidArgument, message));
  }
  yield bytes;
}

/** Has the messages of a body checked before they are decoded; a body of another kind is passed on as it is. */
function checked(header: Headers, body: AsyncIterable<Uint8Array>, { handler: { method }, maxBytes }: Route) {
  const match = bodyTypes.exec(header.get("content-type") ?? "");
  if (!match) return body;
  const protocol = match[1]?.toLowerCase() ?? "";
  const isJson = (match[2] ?? match[3])?.toLowerCase() === "json";
  const encoding = header.get(encodingHeaders[protocol] ?? "grpc-encoding");
  return checkedBody(body, {
    enveloped: protocol !== "",
    compression: compressions.find(({ name }) => name === encoding),
    maxBytes,
    check(message) {
      if (!isJson) return checkNested(method.input, message);
      checkNestedJson(message);
      checkRealTimes(method.input, message);
    },
  });
}

/** The types of bodies: of an enveloped protocol with its format, Protobuf unless told, or of a format alone. */
const bodyTypes = /^application\/(?:(connect|grpc-web|grpc)(?:\+(proto|json))?|(proto|json))\s*(?:;|$)/i;

/** Which header says how messages in JSON are compressed, by protocol, where it is not gRPC's. */
const encodingHeaders: Readonly<Record<string, string>> = {
  "": "content-encoding",
  connect: "connect-content-encoding",
};

function isBody(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Logger } from "pino";
import { errors } from "../errors.ts";
import type { DeadlineLimits } from "./deadline.ts";
import { createDecodeTurns } from "./decode-turns.ts";
import { LeanCall } from "./lean-call.ts";
import { createLeanMethod } from "./lean-method.ts";
import { isAuthority, refuseAuthority, refuseMetadata } from "./request-checks.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { UnaryMethod } from "./unary-methods.ts";

/** What the lean path is made of. */
export interface LeanHandlerOptions {
  readonly methods: readonly UnaryMethod[];
  readonly deadlines: DeadlineLimits;
  readonly running: RunningCalls;
  /** Whether every new call is refused. */
  readonly isRefusing: () => boolean;
  readonly log: Logger;
}

/**
 * Takes a stream of HTTP/2 if the lean path serves it, and says whether it did. What it leaves, it has not
 * touched.
 *
 * @param rawHeaders names and values by turns, as they came
 */
export type TakeStream = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
) => boolean;

/**
 * Makes the lean path: unary gRPC calls in Protobuf, straight on the streams of HTTP/2. Such a call costs
 * Connect several times what it costs here, most of it in web streams and generators that a lone message has no
 * use for. Gate, interceptors, handlers, limits and errors are the same; every other request is left to
 * Connect.
 */
export function createLeanHandler({ methods, deadlines, running, isRefusing, log }: LeanHandlerOptions): TakeStream {
  const paths = new Map(methods.map(createLeanMethod).map((method) => [method.path, method]));
  const parts = { deadlines, log, decodeTurns: createDecodeTurns(), onOver: () => running.end() };
  const originOf = createOrigins();
  return (stream, headers, rawHeaders) => {
    const type = headers["content-type"];
    if (type !== "application/grpc" && type !== "application/grpc+proto") return false;
    const method = paths.get(headers[":path"] ?? "");
    if (!method || headers[":method"] !== "POST" || headers.expect !== undefined) return false;
    running.begin();
    const call = new LeanCall(method, stream, parts);
    const origin = originOf(headers[":authority"] ?? headers.host, stream.session?.encrypted);
    const refusal = refuseMetadata(rawHeaders) ?? (isRefusing() ? errors.draining() : undefined);
    if (refusal) call.refuse(refusal, headers);
    else if (origin === undefined) call.refuse(refuseAuthority(), headers);
    else void call.serve(origin, headers, rawHeaders);
    return true;
  };
}

/** Origins remembered at most; nearly all calls of a process name the same few. */
const maxOrigins = 100;

/** Makes what turns an authority into the origin of URLs, such as `http://127.0.0.1:8080`, or undefined. */
function createOrigins(): (authority: string | undefined, isEncrypted: boolean | undefined) => string | undefined {
  const known = new Map<string, string>();
  return (authority, isEncrypted) => {
    const scheme = isEncrypted ? "https" : "http";
    const key = `${scheme}://${authority ?? ""}`;
    const origin = known.get(key);
    if (origin !== undefined || !isAuthority(authority)) return origin;
    const made = new URL("/", key).toString().slice(0, -1);
    if (known.size >= maxOrigins) known.clear();
    known.set(key, made);
    return made;
  };
}

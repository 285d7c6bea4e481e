import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Logger } from "pino";
import { errors } from "../errors.ts";
import type { DeadlineLimits } from "./deadline.ts";
import { authorityOf, LeanCall } from "./lean-call.ts";
import { createLeanMethod } from "./lean-method.ts";
import { refuseAuthority, refuseMetadata } from "./request-checks.ts";
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
 * Connect five times what it costs here, most of it in web streams and generators that a lone message has no
 * use for. Gate, interceptors, handlers, limits and errors are the same; every other request is left to
 * Connect.
 */
export function createLeanHandler({ methods, deadlines, running, isRefusing, log }: LeanHandlerOptions): TakeStream {
  const paths = new Map(methods.map(createLeanMethod).map((method) => [method.path, method]));
  const parts = { deadlines, log, onOver: () => running.end() };
  return (stream, headers, rawHeaders) => {
    const type = headers["content-type"];
    if (type !== "application/grpc" && type !== "application/grpc+proto") return false;
    const method = paths.get(headers[":path"] ?? "");
    if (!method || headers[":method"] !== "POST" || headers.expect !== undefined) return false;
    running.begin();
    const call = new LeanCall(method, stream, parts);
    const refusal =
      refuseMetadata(rawHeaders) ??
      (isRefusing() ? errors.draining() : undefined) ??
      refuseAuthority(authorityOf(headers));
    if (refusal) call.refuse(refusal, headers);
    else void call.serve(headers, rawHeaders);
    return true;
  };
}

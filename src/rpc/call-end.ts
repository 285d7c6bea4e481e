import { constants, type ServerHttp2Stream } from "node:http2";
import type { NodeRequest, NodeResponse } from "./node-handler.ts";

/** How long a caller that was answered may go on sending its body, in milliseconds. */
const lingerMs = 1_000;

/**
 * Calls `over` once when a call is over: its response is closed, sent or cut off. Nothing earlier says
 * so reliably.
 */
export function whenOver(request: NodeRequest, response: NodeResponse, over: () => void): void {
  // A response of HTTP/1.1 that waits behind another one is never told that its connection is gone.
  const socket = "stream" in request ? undefined : request.socket;
  let isOver = false;
  const once = () => {
    // Both listeners may be told by one event, which tells also those that were taken off meanwhile.
    if (isOver) return;
    isOver = true;
    response.off("close", once);
    socket?.off("close", once);
    over();
  };
  response.on("close", once);
  // Each request that waits has a listener here, and a client may send many without waiting.
  socket?.setMaxListeners(0).on("close", once);
}

/** How long a caller may take to read an answer once its deadline has passed, in milliseconds. */
export const readMs = 10_000;

/**
 * Ends a call whose caller does not read its answer: it would hold its stream, and the answer in memory,
 * for as long as the caller likes.
 */
export function cutOffAfter(request: NodeRequest, response: NodeResponse, timeoutMs: number): void {
  const timer = setTimeout(() => {
    if ("stream" in request) request.stream.destroy();
    else request.socket.destroy();
  }, timeoutMs + readMs);
  timer.unref();
  response.once("close", () => clearTimeout(timer));
}

/**
 * Passes the body of a stream's response on, and ends a call whose caller takes nothing of it for a while: it would
 * hold what was written, and what the stream holds, for as long as the caller likes. A caller like this cannot
 * be told why.
 */
export async function* whileTaken(
  body: AsyncIterable<Uint8Array>,
  request: NodeRequest,
  response: NodeResponse,
  stallMs: number,
): AsyncGenerator<Uint8Array> {
  const cut = () => {
    if (!("stream" in request)) return void request.socket.destroy();
    // What gRPC's clients take for a lack of bandwidth. The stream would wait with it for somebody to read.
    request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    request.stream.destroy();
  };
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearTimeout(timer);
  const start = () => {
    timer = setTimeout(cut, stallMs).unref();
  };
  let isOver = false;
  response.once("close", () => {
    isOver = true;
    stop();
  });
  try {
    for await (const chunk of body) {
      start();
      yield chunk;
      stop();
    }
  } finally {
    // The end has to be taken, too.
    stop();
    if (!isOver) start();
  }
}

/**
 * Ends a call whose caller was answered and still sends: left alone it would hold its stream, or its
 * connection, for as long as the caller likes.
 */
export function stopSendingAfter(request: NodeRequest, response: NodeResponse): void {
  const isHttp2 = "stream" in request;
  (isHttp2 ? request.stream : response).once("finish", () => {
    if (request.complete) return;
    // Cut at once, the answer could be lost on its way.
    request.resume();
    const timer = setTimeout(() => {
      // Not `close`: that waits for somebody to read what was sent, and nobody will.
      if (isHttp2) request.stream.destroy();
      else request.socket.destroy();
    }, lingerMs);
    request.once("close", () => clearTimeout(timer));
  });
}

/** Does the same for a stream of HTTP/2 that never became a request; to be called when it was answered. */
export function stopStreamAfter(stream: ServerHttp2Stream): void {
  const timer = setTimeout(() => stream.destroy(), lingerMs);
  stream.once("close", () => clearTimeout(timer));
}

import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import type { NodeHandler } from "./node-handler.ts";

/** A listening server. */
export interface Listener {
  /** Port that it listens on. */
  readonly port: number;
  /** Takes no more connections or streams, and lets those that are open finish. */
  close(): void;
  /** Resolves once every connection is closed; to be asked when no call is running any more. */
  closed(): Promise<void>;
  /** Cuts whatever is still open. */
  destroy(): void;
}

/** The first bytes of HTTP/2 with prior knowledge (RFC 9113, 3.4); no method of HTTP/1.1 begins so. */
const prefaceStart = Buffer.from("PRI ");

/**
 * How many streams a client may cancel: at once, and each second from then on, before its connection is
 * closed. Node's default, 33 a second, suits a browser and not a gateway that carries many callers.
 */
const streamResets = { streamResetBurst: 10_000, streamResetRate: 1_000 };

/** How long a new connection may take to say which protocol it speaks, in milliseconds. */
const silenceMs = 10_000;

/**
 * Listens on one port for both HTTP/2 with prior knowledge, which gRPC needs, and HTTP/1.1, for Connect
 * and gRPC-Web. The first bytes of a connection say which it is.
 *
 * @throws Error with the code EADDRINUSE when the port is taken
 */
export async function listen(host: string, port: number, handler: NodeHandler, log: Logger): Promise<Listener> {
  // The HTTP/1.1 server owns the port: only one that listens watches its connections for time-outs.
  const http1 = createHttp1Server(
    {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      keepAliveTimeout: 60_000,
      headersTimeout: 20_000,
      requestTimeout: 300_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => handler.handle(request, response),
  );
  const serveHttp1 = http1.listeners("connection");
  http1.removeAllListeners("connection");
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  /** Connections that have not said yet which protocol they speak. */
  const undecided = new Set<Socket>();
  let closing = false;
  let onClosed: (() => void) | undefined;

  // Node's defaults suit a client: unlimited streams and windows of 64 KiB.
  const http2 = createHttp2Server(
    {
      settings: {
        maxConcurrentStreams: 256,
        initialWindowSize: 1_024 * 1_024,
        // Beyond this the stream is reset without a word; node-handler.ts refuses less with a reason.
        maxHeaderListSize: 65_536,
        enablePush: false,
      },
      maxSessionMemory: 64,
      ...streamResets,
    },
    (request, response) => handler.handle(request, response),
  );
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setLocalWindowSize(4 * 1_024 * 1_024);
    if (closing) session.close();
  });
  http2.on("sessionError", (error) => log.debug({ err: error }, "an HTTP/2 connection failed"));
  http1.on("clientError", (error, socket) => {
    log.debug({ err: error }, "an HTTP/1.1 connection failed");
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  });

  http1.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
      if (sockets.size === 0) onClosed?.();
    });
    socket.on("error", (error) => log.debug({ err: error }, "a connection failed"));
    undecided.add(socket);
    tellProtocol(socket, (isHttp2) => {
      undecided.delete(socket);
      if (!isHttp2) {
        for (const serve of serveHttp1) serve.call(http1, socket);
        return;
      }
      // HTTP/2 has no half-closed connections: when the client is gone, so is the connection.
      socket.allowHalfOpen = false;
      http2.emit("connection", socket);
    });
  });
  await new Promise<void>((done, fail) => {
    http1.once("error", fail);
    http1.listen(port, host, () => {
      http1.off("error", fail);
      // From now on it is a connection that could not be taken, for want of file descriptors say.
      http1.on("error", (error) => log.warn({ err: error }, "a connection could not be taken"));
      done();
    });
  });

  return {
    port: (http1.address() as AddressInfo).port,
    close() {
      closing = true;
      // Idle connections of HTTP/1.1 are closed by this too.
      http1.close();
      for (const socket of undecided) socket.destroy();
      // GOAWAY: the client opens no new stream, the open ones go on.
      for (const session of sessions) session.close();
    },
    async closed() {
      // Those that were busy when closing began are idle now.
      http1.closeIdleConnections();
      if (sockets.size > 0) await new Promise<void>((done) => (onClosed = done));
    },
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Waits for a connection's first bytes and says whether they are those of HTTP/2. */
function tellProtocol(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const leave = () => socket.destroy();
  const timer = setTimeout(leave, silenceMs).unref();
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData).off("end", leave).off("close", stop);
  };
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const enough = Math.min(seen.length, prefaceStart.length);
    const maybe = seen.subarray(0, enough).equals(prefaceStart.subarray(0, enough));
    if (maybe && enough < prefaceStart.length) return;
    stop();
    socket.pause();
    socket.unshift(seen);
    decide(maybe);
    // HTTP/1.1 reads the socket as a stream; HTTP/2 takes it over whole.
    if (!maybe) socket.resume();
  };
  socket.on("data", onData).once("end", leave).once("close", stop);
}

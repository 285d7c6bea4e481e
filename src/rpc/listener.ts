import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import type { Logger } from "pino";
import type { NodeHandler } from "./node-handler.ts";

/** A listening server. */
export interface Listener {
  /** Port that it listens on. */
  readonly port: number;
  /** Takes no more connections or streams, and lets those that are open finish. */
  close(): void;
  /** Cuts whatever is still open. */
  destroy(): void;
}

/** The first bytes of HTTP/2 with prior knowledge (RFC 9113, 3.4); no method of HTTP/1.1 begins so. */
const prefaceStart = Buffer.from("PRI ");

/** How long a new connection may take to say which protocol it speaks, in milliseconds. */
const silenceMs = 10_000;

/**
 * Listens on one port for both HTTP/2 with prior knowledge, which gRPC needs, and HTTP/1.1, for Connect
 * and gRPC-Web. The first bytes of a connection say which it is.
 *
 * @throws Error with the code EADDRINUSE when the port is taken
 */
export async function listen(host: string, port: number, handler: NodeHandler, log: Logger): Promise<Listener> {
  const http1 = createHttp1Server(
    { keepAliveTimeout: 60_000, requestTimeout: 300_000, maxHeaderSize: 16_384 },
    (request, response) => handler.handle(request, response),
  );
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  let closing = false;

  // Node's defaults suit a client: unlimited streams and windows of 64 KiB.
  const http2 = createHttp2Server(
    {
      settings: {
        maxConcurrentStreams: 256,
        initialWindowSize: 1_024 * 1_024,
        maxHeaderListSize: 16_384,
        enablePush: false,
      },
      maxSessionMemory: 64,
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

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", (error) => log.debug({ err: error }, "a connection failed"));
    tellProtocol(socket, (isHttp2) => (isHttp2 ? http2 : http1).emit("connection", socket));
  });
  await new Promise<void>((done, fail) => {
    tcp.once("error", fail);
    tcp.listen(port, host, () => {
      tcp.off("error", fail);
      done();
    });
  });

  return {
    port: (tcp.address() as AddressInfo).port,
    close() {
      closing = true;
      tcp.close();
      http1.closeIdleConnections();
      // GOAWAY: the client opens no new stream, the open ones go on.
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      http1.closeAllConnections();
    },
  };
}

function tellProtocol(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  socket.setTimeout(silenceMs, () => socket.destroy());
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const enough = Math.min(seen.length, prefaceStart.length);
    const maybe = seen.subarray(0, enough).equals(prefaceStart.subarray(0, enough));
    if (maybe && enough < prefaceStart.length) return;
    socket.off("data", onData);
    socket.pause();
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    socket.unshift(seen);
    decide(maybe);
    // HTTP/1.1 reads the socket as a stream; HTTP/2 takes it over whole.
    if (!maybe) socket.resume();
  };
  socket.on("data", onData);
}

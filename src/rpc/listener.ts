import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import type { TlsMaterial } from "../identity/identity-files.ts";
import type { NodeHandler } from "./node-handler.ts";
import { tellProtocol } from "./tell-protocol.ts";
import { tlsOptions } from "./tls-options.ts";

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
  /**
   * Speaks TLS with this from the next connection on. Other authorities than before are other decisions on
   * whom to trust, so connections made under the former ones are asked to end.
   */
  renewTls(material: TlsMaterial): void;
}

/**
 * How many streams a client may cancel: at once, and each second from then on, before its connection is
 * closed. Node's default, 33 a second, suits a browser and not a gateway that carries many callers.
 */
const streamResets = { streamResetBurst: 10_000, streamResetRate: 1_000 };

/** Where and how to listen. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined speaks plain text. */
  readonly tls: TlsMaterial | undefined;
  /** Connections that may be open at the same time; what comes beyond is closed. */
  readonly maxConnections: number;
  readonly handler: NodeHandler;
  readonly log: Logger;
}

/** How often it is told at most that connections are closed for their number, in milliseconds. */
const dropLogMs = 60_000;

const http1Options = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
  keepAliveTimeout: 60_000,
  headersTimeout: 20_000,
  requestTimeout: 300_000,
  maxHeaderSize: 16_384,
};

/**
 * Listens on one port for both HTTP/2, which gRPC needs, and HTTP/1.1, for Connect and gRPC-Web. In plain
 * text the first bytes of a connection say which it is, as HTTP/2 comes with prior knowledge; with TLS its
 * handshake does (ALPN).
 *
 * @throws Error with the code EADDRINUSE when the port is taken
 */
export async function listen({ host, port, tls, maxConnections, handler, log }: ListenOptions): Promise<Listener> {
  // The HTTP/1.1 server owns the port: only one that listens watches its connections for time-outs.
  const https = tls && createHttpsServer({ ...http1Options, ...tlsOptions(tls) }, (...call) => handler.handle(...call));
  const http1 = https ?? createHttp1Server(http1Options, (...call) => handler.handle(...call));
  // With TLS, a connection is one whose handshake is done; what happens before is the TLS server's.
  const ready = https ? "secureConnection" : "connection";
  const serveHttp1 = http1.listeners(ready);
  http1.removeAllListeners(ready);
  // Each takes a file descriptor, and without one the service can reach neither its database nor its keys.
  http1.maxConnections = maxConnections;
  let toldAt = Number.NEGATIVE_INFINITY;
  http1.on("drop", () => {
    if (performance.now() - toldAt < dropLogMs) return;
    toldAt = performance.now();
    log.warn({ maxConnections }, "a connection was closed, for there are as many as may be");
  });
  let authorities = tls?.ca;
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
  const serveStream = http2.listeners("stream");
  http2.removeAllListeners("stream").on("stream", (stream, headers, flags, rawHeaders: string[]) => {
    if (handler.takeStream(stream, headers, rawHeaders)) return;
    for (const serve of serveStream) serve.call(http2, stream, headers, flags, rawHeaders);
  });
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

  const serveSocket = (socket: Socket, isHttp2: boolean) => {
    if (!isHttp2) {
      for (const serve of serveHttp1) serve.call(http1, socket);
      return;
    }
    // HTTP/2 has no half-closed connections: when the client is gone, so is the connection.
    socket.allowHalfOpen = false;
    http2.emit("connection", socket);
  };
  http1.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
      if (sockets.size === 0) onClosed?.();
    });
    socket.on("error", (error) => log.debug({ err: error }, "a connection failed"));
    // With TLS what is on the socket is nobody's business here until the handshake is done.
    if (https) return;
    undecided.add(socket);
    tellProtocol(socket, (isHttp2) => {
      undecided.delete(socket);
      serveSocket(socket, isHttp2);
    });
  });
  https?.on("secureConnection", (socket) => {
    socket.on("error", (error) => log.debug({ err: error }, "a connection failed"));
    serveSocket(socket, socket.alpnProtocol === "h2");
  });
  // Node would answer a failed handshake as if it were a broken request of HTTP/1.1.
  https?.removeAllListeners("tlsClientError").on("tlsClientError", (error, socket) => {
    log.debug({ err: error }, "a TLS handshake failed");
    socket.destroy();
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
    renewTls(material) {
      https?.setSecureContext(tlsOptions(material));
      if (material.ca === authorities) return;
      authorities = material.ca;
      for (const session of sessions) session.close();
      http1.closeIdleConnections();
    },
  };
}

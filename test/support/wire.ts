import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { type CallFailure, failureFrom } from "./errors.ts";

/** What came back for one HTTP request. */
export interface WireResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly trailers: Headers;
  readonly body: Buffer;
}

/** A bare HTTP/2 connection, for what no well-behaved client sends. */
export interface Wire {
  readonly session: ClientHttp2Session;
  /** Opens a stream and sends headers only; what is sent on it is up to the test. */
  open(path: string, headers?: Record<string, string>): ClientHttp2Stream;
  /** Sends headers and a whole body and returns the response. */
  send(path: string, headers: Record<string, string>, body?: Uint8Array): Promise<WireResponse>;
  close(): void;
}

/** Opens a bare HTTP/2 connection. */
export async function openWire(address: string): Promise<Wire> {
  const session = connectHttp2(address);
  session.on("error", () => undefined);
  await new Promise((done) => session.once("connect", done).once("close", done));
  const open = (path: string, headers: Record<string, string> = {}) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers }, { endStream: false });
    stream.on("error", () => undefined);
    return stream;
  };
  return {
    session,
    open,
    async send(path, headers, body) {
      const stream = open(path, headers);
      const response = responseOf(stream);
      stream.end(body);
      return await response;
    },
    close: () => session.destroy(),
  };
}

/** Collects the response of a stream; fails when the stream is reset before it ends. */
export function responseOf(stream: ClientHttp2Stream): Promise<WireResponse> {
  return new Promise((done, fail) => {
    const headers = new Headers();
    const trailers = new Headers();
    const chunks: Buffer[] = [];
    let status = 0;
    let ended = false;
    const copy = (from: Readonly<Record<string, unknown>>, to: Headers) => {
      for (const [key, value] of Object.entries(from)) if (!key.startsWith(":")) to.set(key, String(value));
    };
    stream.on("response", (head) => {
      status = Number(head[constants.HTTP2_HEADER_STATUS]);
      copy(head, headers);
    });
    stream.on("trailers", (tail) => copy(tail, trailers));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      ended = true;
      // A server that has answered may reset a stream whose body it does not want.
      done({ status, headers, trailers, body: Buffer.concat(chunks) });
    });
    stream.on("close", () => ended || fail(new Error(`the stream was closed with code ${stream.rstCode}`)));
  });
}

/** Puts messages into gRPC's envelopes: a byte of flags, four of length, the data. */
export function envelope(...messages: readonly (Uint8Array | { data: Uint8Array; flags: number })[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const { data, flags } = message instanceof Uint8Array ? { data: message, flags: 0 } : message;
      const head = Buffer.alloc(5);
      head[0] = flags;
      head.writeUInt32BE(data.byteLength, 1);
      return [head, data];
    }),
  );
}

/** What a failed call was told, whether it spoke gRPC or Connect. */
export function failureOfResponse(response: WireResponse): CallFailure {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/grpc")) {
    const error = findTrailerError(response.trailers) ?? findTrailerError(response.headers);
    if (!error) throw new Error("the call succeeded");
    return failureFrom(error);
  }
  return failureFrom(errorFromJsonBytes(response.body, undefined, new ConnectError("no error in JSON", Code.Unknown)));
}

/** Opens a bare TCP connection. */
export async function openSocket(address: string): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined);
  await new Promise((done) => socket.once("connect", done));
  return socket;
}

/** Everything that a socket receives until its other side closes it, as text. */
export async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((done) => socket.once("close", done).once("end", done));
  return Buffer.concat(chunks).toString("latin1");
}

import { connect, type Socket } from "node:net";
import { FrameWriter } from "./frame-writer.ts";
import { flag, frame, frameType, headBytes, preface, setting, settingsFrame, windowUpdateFrame } from "./frames.ts";

/** Told of what arrives on a connection. Ranges are of `bytes`, which is good only during the call. */
export interface ConnectionListener {
  /** Bytes of a response's body. */
  onData(stream: number, bytes: Buffer, start: number, end: number): void;
  /** A whole header block: in front of the body, or with `last` at the end. */
  onHeaders(stream: number, bytes: Buffer, start: number, end: number, last: boolean): void;
  /** A stream that ended without headers at its end. */
  onReset(stream: number, reason: string): void;
  /** The connection is of no use any more. */
  onClosed(reason: string): void;
}

/** What the client takes without asking for more: as much as HTTP/2 allows, for it reads at once. */
const window = 2 ** 31 - 1;
const renewBelow = 2 ** 30;

/**
 * A client's side of one HTTP/2 connection, over a plain socket and with frames made by hand. It takes a
 * fraction of the processor time of Node's client, which would otherwise take more than the servers do.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #writer = new FrameWriter();
  /** The start of a frame whose rest has not arrived. */
  #rest: Buffer | undefined;
  #received = 0;
  #onReady: (() => void) | undefined;
  #closed = false;

  private constructor(socket: Socket, listener: ConnectionListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onChunk(chunk));
    socket.on("error", (error) => this.#close(error.message));
    socket.on("close", () => this.#close("the server closed the connection"));
    socket.write(
      Buffer.concat([
        preface,
        settingsFrame([
          [setting.headerTableSize, 0],
          [setting.enablePush, 0],
          [setting.initialWindowSize, window],
        ]),
        windowUpdateFrame(0, window - 65_535),
      ]),
    );
  }

  /** Connects to a port of this machine; ready once the server said its settings. */
  static async open(port: number, listener: ConnectionListener): Promise<Connection> {
    const socket = connect(port, "127.0.0.1");
    const connection = new Connection(socket, listener);
    await new Promise<void>((done, fail) => {
      connection.#onReady = done;
      socket.once("error", fail);
      socket.setTimeout(10_000, () => fail(new Error("the server did not answer")));
    });
    socket.setTimeout(0);
    return connection;
  }

  /** Sends a call; what the server's windows do not admit yet waits. Written to the socket with {@link flush}. */
  send(stream: number, headers: Buffer, body: Buffer): void {
    this.#writer.call(stream, headers, body);
  }

  /** Writes what was sent since the last time to the socket, at once. */
  flush(): void {
    const bytes = this.#writer.take();
    if (bytes && !this.#closed) this.#socket.write(bytes);
  }

  /** Ends the connection without a word to the listener. */
  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.onClosed(reason);
  }

  #onChunk(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (at + headBytes <= bytes.length) {
      const end = at + headBytes + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#onFrame(bytes, at, end);
      at = end;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
    this.flush();
  }

  #onFrame(bytes: Buffer, at: number, end: number): void {
    const type = bytes[at + 3];
    const flags = bytes[at + 4] ?? 0;
    const stream = bytes.readUInt32BE(at + 5);
    let start = at + headBytes;
    let stop = end;
    if ((type === frameType.data || type === frameType.headers) && flags & flag.padded) stop -= bytes[start++] ?? 0;
    switch (type) {
      case frameType.data:
        this.#renewWindow(end - at - headBytes);
        this.#listener.onData(stream, bytes, start, stop);
        if (flags & flag.endStream) this.#ended(stream, "the response has no trailers");
        break;
      case frameType.headers:
        if (flags & flag.priority) start += 5;
        if (!(flags & flag.endHeaders)) {
          this.#close("the server sends header blocks in pieces");
          break;
        }
        if (flags & flag.endStream) this.#writer.forget(stream);
        this.#listener.onHeaders(stream, bytes, start, stop, (flags & flag.endStream) !== 0);
        break;
      case frameType.rstStream:
        // After the answer it only says that the rest of the request is not wanted, and nobody listens any more.
        this.#ended(stream, `the stream was reset with code ${bytes.readUInt32BE(start)}`);
        break;
      case frameType.settings:
        if (flags & flag.ack) break;
        this.#writer.applySettings(bytes, start, stop);
        this.#writer.raw(frame(frameType.settings, flag.ack, 0, Buffer.alloc(0)));
        this.#onReady?.();
        break;
      case frameType.ping:
        if (!(flags & flag.ack)) this.#writer.raw(frame(frameType.ping, flag.ack, 0, bytes.subarray(start, stop)));
        break;
      case frameType.goAway:
        this.#close("the server sent GOAWAY");
        break;
      case frameType.windowUpdate:
        this.#writer.widen(stream, bytes.readUInt32BE(start));
        break;
    }
  }

  #ended(stream: number, reason: string): void {
    this.#writer.forget(stream);
    this.#listener.onReset(stream, reason);
  }

  #renewWindow(length: number): void {
    this.#received += length;
    if (this.#received < renewBelow) return;
    this.#writer.raw(windowUpdateFrame(0, this.#received));
    this.#received = 0;
  }
}

import { flag, frameType, headBytes, setting, writeHead } from "./frames.ts";

/** A body of which a part waits for the server's windows. */
interface Waiting {
  readonly body: Buffer;
  sent: number;
  window: number;
}

/**
 * Gathers a connection's outgoing frames, so that they leave in one write, and keeps to the windows that the
 * server grants (RFC 9113, section 5.2).
 */
export class FrameWriter {
  #out = Buffer.allocUnsafe(256 * 1_024);
  #length = 0;
  #window = 65_535;
  #initialWindow = 65_535;
  #maxFrame = 16_384;
  readonly #waiting = new Map<number, Waiting>();

  /** Adds a call: its header block, and as much of its body as the windows admit. */
  call(stream: number, headers: Buffer, body: Buffer): void {
    const at = this.#reserve(headBytes + headers.length);
    writeHead(this.#out, at, headers.length, frameType.headers, flag.endHeaders, stream);
    headers.copy(this.#out, at + headBytes);
    if (body.length <= Math.min(this.#window, this.#initialWindow, this.#maxFrame) && this.#waiting.size === 0) {
      this.#data(stream, body, 0, body.length);
      return;
    }
    // A copy, because the caller uses its buffer for the next call.
    this.#waiting.set(stream, { body: Buffer.from(body), sent: 0, window: this.#initialWindow });
    this.#sendWaiting();
  }

  /** Adds a frame made elsewhere. */
  raw(frame: Buffer): void {
    const at = this.#reserve(frame.length);
    frame.copy(this.#out, at);
  }

  /** Returns what was added since the last time, or undefined when that is nothing. */
  take(): Buffer | undefined {
    if (this.#length === 0) return undefined;
    const bytes = Buffer.from(this.#out.subarray(0, this.#length));
    this.#length = 0;
    return bytes;
  }

  /** Takes more of a stream's body, or with stream 0 of all. */
  widen(stream: number, increment: number): void {
    const waiting = this.#waiting.get(stream);
    if (stream === 0) this.#window += increment;
    else if (waiting) waiting.window += increment;
    this.#sendWaiting();
  }

  /** Reads the payload of a SETTINGS frame. */
  applySettings(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at + 6 <= end; at += 6) {
      const value = bytes.readUInt32BE(at + 2);
      switch (bytes.readUInt16BE(at)) {
        case setting.initialWindowSize:
          for (const waiting of this.#waiting.values()) waiting.window += value - this.#initialWindow;
          this.#initialWindow = value;
          break;
        case setting.maxFrameSize:
          this.#maxFrame = value;
          break;
      }
    }
    this.#sendWaiting();
  }

  /** Drops what waits for a stream that is over. */
  forget(stream: number): void {
    if (this.#waiting.size > 0) this.#waiting.delete(stream);
  }

  #sendWaiting(): void {
    for (const [stream, waiting] of this.#waiting) {
      while (waiting.sent < waiting.body.length) {
        const length = Math.min(waiting.body.length - waiting.sent, this.#window, waiting.window, this.#maxFrame);
        if (length <= 0) break;
        this.#data(stream, waiting.body, waiting.sent, waiting.sent + length);
        waiting.sent += length;
        waiting.window -= length;
      }
      if (waiting.sent === waiting.body.length) this.#waiting.delete(stream);
      if (this.#window <= 0) return;
    }
  }

  #data(stream: number, body: Buffer, start: number, end: number): void {
    const at = this.#reserve(headBytes + end - start);
    const flags = end === body.length ? flag.endStream : 0;
    writeHead(this.#out, at, end - start, frameType.data, flags, stream);
    body.copy(this.#out, at + headBytes, start, end);
    this.#window -= end - start;
  }

  /** Returns where `length` more bytes go. */
  #reserve(length: number): number {
    if (this.#length + length > this.#out.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#out.length * 2, this.#length + length));
      this.#out.copy(larger, 0, 0, this.#length);
      this.#out = larger;
    }
    const at = this.#length;
    this.#length += length;
    return at;
  }
}

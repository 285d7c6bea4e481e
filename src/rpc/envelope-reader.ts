import type { ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";

/** One message as gRPC sends it. */
export interface Envelope {
  /** Bit 0 says that the data is compressed; nobody defined the others. */
  readonly flags: number;
  readonly data: Uint8Array;
}

/** What stands before the data of an envelope: a byte of flags, four of length. */
const headBytes = 5;

const none = Buffer.alloc(0);

/**
 * Reads the envelopes of a request as they come: the first one, and whether a second one follows, whose data
 * is not kept. Nothing is read before `next` is called, so a call that is refused before costs no memory.
 */
export class EnvelopeReader {
  readonly #stream: ServerHttp2Stream;
  readonly #maxBytes: number;
  /** What came and was not taken yet: the chunk itself as long as there is one, then a buffer that grows. */
  #bytes: Buffer = none;
  #size = 0;
  /** Bytes of the envelope that is coming, with its head; undefined before its length is known. */
  #wanted: number | undefined;
  #first: Envelope | undefined;
  #count = 0;
  #taken = 0;
  #ended = false;
  #dropped = false;
  #error: ConnectError | undefined;
  #wake: (() => void) | undefined;

  /** @param maxBytes largest data of an envelope */
  constructor(stream: ServerHttp2Stream, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  /**
   * Resolves to the next envelope, or to undefined when the caller has sent everything. The data of the second
   * one is empty. When the stream is cut off it never resolves.
   *
   * @throws ConnectError RESOURCE_EXHAUSTED when an envelope is larger than allowed, before its data is read;
   *   INVALID_ARGUMENT when the body ends within an envelope
   */
  async next(): Promise<Envelope | undefined> {
    if (this.#taken === 0 && this.#count === 0 && !this.#ended && !this.#error) {
      this.#stream.on("data", (chunk: Buffer) => this.#add(chunk));
      this.#stream.once("end", () => this.#end());
    }
    while (this.#count === this.#taken && !this.#ended && !this.#error) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    if (this.#count > this.#taken) {
      this.#taken++;
      const envelope = this.#first ?? { flags: 0, data: none };
      this.#first = undefined;
      return envelope;
    }
    if (this.#error) throw this.#error;
    return undefined;
  }

  /** Keeps nothing of what still comes; nobody asks for it any more. */
  drop(): void {
    this.#dropped = true;
    this.#bytes = none;
    this.#first = undefined;
  }

  #add(chunk: Buffer): void {
    if (this.#dropped || this.#error || this.#count > 1) return;
    this.#append(chunk);
    while (this.#split());
    this.#wake?.();
  }

  /** Takes an envelope off what came, and says whether there may be another one. */
  #split(): boolean {
    if (this.#wanted === undefined) {
      if (this.#size < headBytes) return false;
      const length = this.#bytes.readUInt32BE(1);
      if (length > this.#maxBytes) {
        this.#error = new ConnectError(`a message of ${length} bytes is too large`, Code.ResourceExhausted);
        return false;
      }
      this.#wanted = headBytes + length;
    }
    if (this.#size < this.#wanted) return false;
    const bytes = this.#bytes;
    if (this.#count++ === 0) {
      const data = new Uint8Array(bytes.buffer, bytes.byteOffset + headBytes, this.#wanted - headBytes);
      this.#first = { flags: bytes[0] ?? 0, data };
    }
    this.#bytes = bytes.subarray(this.#wanted, this.#size);
    this.#size -= this.#wanted;
    this.#wanted = undefined;
    return this.#count < 2;
  }

  #append(chunk: Buffer): void {
    if (this.#size === 0) {
      this.#bytes = chunk;
    } else {
      const size = this.#size + chunk.byteLength;
      if (size > this.#bytes.byteLength) {
        // Not as much as the head promises: that much may never come.
        const grown = Buffer.allocUnsafe(Math.max(size, Math.min(2 * size, this.#wanted ?? 0)));
        this.#bytes.copy(grown, 0, 0, this.#size);
        this.#bytes = grown;
      }
      chunk.copy(this.#bytes, this.#size);
    }
    this.#size += chunk.byteLength;
  }

  #end(): void {
    // A stream that is cut off ends, too; that is no end of the body, and nobody is there to be told.
    if (this.#stream.aborted) return;
    this.#ended = true;
    if (this.#size > 0 && this.#count < 2) {
      this.#error ??= new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
    }
    this.#wake?.();
  }
}

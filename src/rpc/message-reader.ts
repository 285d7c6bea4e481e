import type { ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Envelope, envelopeHeadBytes as headBytes } from "./grpc-protocol.ts";

const none = Buffer.alloc(0);

/** The one message of a unary request, while it comes in gRPC's envelope. */
export class MessageReader<T> {
  readonly #stream: ServerHttp2Stream;
  readonly #maxBytes: number;
  readonly #decode: (envelope: Envelope) => T | Promise<T>;
  /** What came and was not taken yet: the chunk itself as long as there is one, then a buffer that grows. */
  #bytes: Buffer = none;
  #size = 0;
  /** Bytes of the envelope that is coming, with its head; undefined before its length is known. */
  #wanted: number | undefined;
  #message: T | Promise<T> | undefined;
  #count = 0;
  #isOver = false;

  /**
   * @param maxBytes largest data of an envelope
   * @param decode is given the envelope as soon as it is there; what it throws, or rejects with, ends the reading
   */
  constructor(stream: ServerHttp2Stream, maxBytes: number, decode: (envelope: Envelope) => T | Promise<T>) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#decode = decode;
  }

  /**
   * Reads the body to its end and resolves to its message. Nothing is read before, so a call that is refused
   * before costs no memory. When the stream is cut off it never resolves.
   *
   * @throws ConnectError RESOURCE_EXHAUSTED when an envelope is larger than allowed, before its data is read;
   *   INVALID_ARGUMENT when the body ends within an envelope; UNIMPLEMENTED when it has none, or two
   */
  read(): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        this.drop();
        reject(error);
      };
      // What is wrong with the message that came first is told first; and until that is known the call is not answered, so
      // that no more messages wait to be decoded than there are calls.
      const failAfterFirst = (error: unknown) => {
        const first = this.#message;
        this.drop();
        if (first instanceof Promise) first.then(() => reject(error), reject);
        else reject(error);
      };
      this.#stream.on("data", (chunk: Buffer) => {
        if (this.#isOver) return;
        try {
          this.#add(chunk, fail);
        } catch (error) {
          failAfterFirst(error);
        }
      });
      const end = () => {
        // A stream that is cut off ends, too; that is no end of the body, and nobody is there to be told.
        if (this.#isOver || this.#stream.aborted) return;
        if (this.#size > 0) {
          failAfterFirst(new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument));
        } else if (this.#count === 0) {
          failAfterFirst(numberOfMessages("missing"));
        } else {
          resolve(this.#message as T | Promise<T>);
          this.drop();
        }
      };
      this.#stream.on("end", end);
      // Node tells the end of an empty body at once, whether or not somebody reads.
      if (this.#stream.readableEnded) end();
    });
  }

  /** Keeps nothing of what came and still comes: nobody asks for it any more. */
  drop(): void {
    this.#isOver = true;
    this.#bytes = none;
    this.#message = undefined;
  }

  /** @param onFailure told when a message that takes its time cannot be decoded: at once, and not at the body's end */
  #add(chunk: Buffer, onFailure: (error: unknown) => void): void {
    this.#append(chunk);
    for (;;) {
      if (this.#wanted === undefined) {
        if (this.#size < headBytes) return;
        const length = this.#bytes.readUInt32BE(1);
        if (length > this.#maxBytes) {
          throw new ConnectError(`a message of ${length} bytes is too large`, Code.ResourceExhausted);
        }
        this.#wanted = headBytes + length;
      }
      if (this.#size < this.#wanted) return;
      if (this.#count++ > 0) throw numberOfMessages("received extra");
      const bytes = this.#bytes;
      const data = new Uint8Array(bytes.buffer, bytes.byteOffset + headBytes, this.#wanted - headBytes);
      this.#size -= this.#wanted;
      // An empty rest would keep the bytes of the message as long as the call.
      this.#bytes = this.#size === 0 ? none : bytes.subarray(this.#wanted, this.#wanted + this.#size);
      this.#wanted = undefined;
      this.#message = this.#decode({ flags: bytes[0] ?? 0, data });
      if (this.#message instanceof Promise) this.#message.catch(onFailure);
    }
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
}

function numberOfMessages(what: string): ConnectError {
  return new ConnectError(`protocol error: ${what} input message for unary method`, Code.Unimplemented);
}

import { type Compression, compressedFlag, encodeEnvelope, transformSplitEnvelope } from "@connectrpc/connect/protocol";

/** How to check the messages of a body before Connect decodes them. */
export interface BodyCheck {
  /** Whether each message stands in an envelope, as gRPC, gRPC-Web and the streams of Connect have it. */
  readonly enveloped: boolean;
  /** How messages are compressed; undefined when they are not. */
  readonly compression: Compression | undefined;
  /** What is larger is passed on unread; Connect refuses it for its size. */
  readonly maxBytes: number;
  /** Is given each message, and throws what the caller is to be told. */
  readonly check: (message: Uint8Array) => void;
}

/**
 * Passes a body on, each message once it is checked.
 *
 * @throws what the check throws; what Connect would throw of an envelope that is too large or cut off
 */
export function checkedBody(body: AsyncIterable<Uint8Array>, check: BodyCheck): AsyncGenerator<Uint8Array> {
  return check.enveloped ? checkedEnvelopes(body, check) : checkedWhole(body, check);
}

async function* checkedEnvelopes(body: AsyncIterable<Uint8Array>, options: BodyCheck): AsyncGenerator<Uint8Array> {
  for await (const { flags, data } of transformSplitEnvelope(options.maxBytes)(body)) {
    const isCompressed = (flags & compressedFlag) !== 0;
    const message = isCompressed ? await decompress(data, options) : data;
    if (message) options.check(message);
    // It is decompressed once: from here on it goes as it is.
    yield isCompressed && message ? encodeEnvelope(flags & ~compressedFlag, message) : encodeEnvelope(flags, data);
  }
}

async function* checkedWhole(body: AsyncIterable<Uint8Array>, options: BodyCheck): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size <= options.maxBytes) continue;
    yield* chunks.splice(0);
  }
  if (size <= options.maxBytes) {
    const bytes = Buffer.concat(chunks);
    const message = options.compression ? await decompress(bytes, options) : bytes;
    if (message) options.check(message);
  }
  yield* chunks;
}

/** Returns the message, or undefined when it cannot be decompressed: Connect says why. */
async function decompress(data: Uint8Array, { compression, maxBytes }: BodyCheck): Promise<Uint8Array | undefined> {
  return await compression?.decompress(data, maxBytes).catch(() => undefined);
}

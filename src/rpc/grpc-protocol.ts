import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "./compressions.ts";

/** The headers and trailers of gRPC over HTTP/2. */
export const grpcHeaders = {
  status: "grpc-status",
  message: "grpc-message",
  details: "grpc-status-details-bin",
  encoding: "grpc-encoding",
  acceptEncoding: "grpc-accept-encoding",
  timeout: "grpc-timeout",
} as const;

/** The content type of gRPC with Protobuf. */
export const grpcProto = "application/grpc+proto";

/** What stands before the data of an envelope: a byte of flags, four of length. */
export const envelopeHeadBytes = 5;

/** The flag of an envelope whose data is compressed. */
const compressedFlag = 1;

/** A message as it travels. */
export interface Envelope {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** Whether the data of an envelope is compressed. */
export function isCompressed({ flags }: Envelope): boolean {
  return (flags & compressedFlag) !== 0;
}

/**
 * Returns the message that a compressed envelope holds.
 *
 * @throws ConnectError INVALID_ARGUMENT when the call named no compression or the data is none of it, RESOURCE_EXHAUSTED when the
 *   message is larger than allowed
 */
export async function decompress(
  { data }: Envelope,
  compression: Compression | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  if (compression) return await compression.decompress(data, maxBytes);
  throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.InvalidArgument);
}

/** Puts a message into an envelope, compressed if there is a compression; returns the bytes that are sent. */
export async function envelop(message: Uint8Array, compression: Compression | undefined): Promise<Buffer> {
  return encode(compression ? compressedFlag : 0, compression ? await compression.compress(message) : message);
}

/** Puts a message into an envelope as it is. */
export function encode(flags: number, data: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(envelopeHeadBytes + data.byteLength);
  envelope[0] = flags;
  envelope.writeUInt32BE(data.byteLength, 1);
  envelope.set(data, envelopeHeadBytes);
  return envelope;
}

/** How the messages of a call are compressed; undefined: they are not. */
export interface Compressions {
  readonly request: Compression | undefined;
  readonly response: Compression | undefined;
}

/**
 * Chooses the compressions of a call, by the rules of gRPC: the request's is the one it names, the response's is the first that the
 * caller takes and there is. A caller that does not say what it takes is answered in the compression that it uses.
 *
 * @param available what there is
 * @throws ConnectError UNIMPLEMENTED when the request is in another compression
 */
export function chooseCompressions(available: readonly Compression[], header: Headers): Compressions {
  const named = (wanted: string) => available.find(({ name }) => name === wanted);
  const encoding = header.get(grpcHeaders.encoding) ?? "identity";
  const request = named(encoding);
  if (!request && encoding !== "identity") {
    const names = available.map(({ name }) => name).join(",");
    throw new ConnectError(`unknown compression "${encoding}": supported encodings are ${names}`, Code.Unimplemented);
  }
  const taken = header.get(grpcHeaders.acceptEncoding);
  if (!taken) return { request, response: request };
  for (const name of taken.split(",")) {
    const response = named(name.trim());
    if (response) return { request, response };
  }
  return { request, response: undefined };
}

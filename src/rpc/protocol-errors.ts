import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorFromJsonBytes, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { Logger } from "pino";
import { fromProtocolError, toConnectError } from "./connect-error.ts";
import { setErrorStatus } from "./grpc-status.ts";

type Body = AsyncIterable<Uint8Array>;

/**
 * Gives the errors that Connect itself raises (an undecodable body, a message too large, an unknown
 * compression) the details that every error of this service has. They are raised before any
 * interceptor runs, so they are found where they leave: in the response.
 */
export function withErrorDetails(handler: UniversalHandler, log: Logger): UniversalHandlerFn {
  return async (request) => {
    const response = await handler(request);
    const type = response.header?.get("content-type") ?? "";
    if (type.startsWith("application/grpc-web")) return { ...response, body: grpcWebBody(response.body, log) };
    if (type.startsWith("application/grpc"))
      return { ...response, body: grpcBody(response.body, response.trailer, log) };
    if (response.status >= 400 && type === "application/json") return await connectResponse(response, log);
    return response;
  };
}

async function* grpcBody(
  body: Body | undefined,
  trailer: Headers | undefined,
  log: Logger,
): AsyncGenerator<Uint8Array> {
  if (body) yield* body;
  if (trailer) complete(trailer, log);
}

async function* grpcWebBody(body: Body | undefined, log: Logger): AsyncGenerator<Uint8Array> {
  for await (const chunk of body ?? []) {
    // An envelope is one byte of flags, four of length, then the data; trailers are not compressed.
    if (chunk[0] !== trailerFlag) {
      yield chunk;
      continue;
    }
    const trailer = trailerParse(chunk.subarray(5));
    complete(trailer, log);
    const data = trailerSerialize(trailer);
    const envelope = new Uint8Array(5 + data.byteLength);
    envelope[0] = trailerFlag;
    new DataView(envelope.buffer).setUint32(1, data.byteLength);
    envelope.set(data, 5);
    yield envelope;
  }
}

async function connectResponse(response: UniversalServerResponse, log: Logger): Promise<UniversalServerResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  let bytes: Uint8Array = Buffer.concat(chunks);
  let { status } = response;
  if (!response.header?.has("content-encoding")) {
    const error = errorFromJsonBytes(bytes, undefined, new ConnectError("", Code.Unknown));
    if (error.details.length === 0 && error.code !== Code.Unknown) {
      const known = toConnectError(fromProtocolError(error, log));
      bytes = errorToJsonBytes(known, undefined);
      // Connect takes an undecodable message for a defect of its own.
      status = codeToHttpStatus(known.code);
      response.header?.set("content-length", String(bytes.byteLength));
    }
  }
  return {
    ...response,
    status,
    body: (async function* () {
      yield bytes;
    })(),
  };
}

function complete(trailer: Headers, log: Logger): void {
  const error = findTrailerError(trailer);
  if (!error) return;
  setErrorStatus(trailer, error.details.length === 0 ? toConnectError(fromProtocolError(error, log)) : error);
}

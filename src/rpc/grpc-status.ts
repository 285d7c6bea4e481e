import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type ConnectError, encodeBinaryHeader } from "@connectrpc/connect";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { grpcHeaders } from "./grpc-protocol.ts";

/** The status of a call that succeeded. */
export const grpcOk = "0";

/** Headers that belong to the protocol or to HTTP; what an error brings under such a name is not sent. */
const protocolHeader =
  /^(grpc-|connect-|content-|transfer-encoding$|trailer$|te$|host$|connection$|keep-alive$|upgrade$|proxy-connection$|http2-settings$)/;

/**
 * Sets the trailers of an error: its metadata, its code, its text, and its details as a google.rpc.Status. Of the text only what the protocol asks for is
 * percent-encoded: Connect encodes colons and commas too, and grpc-js leaves those encoded for its user to read.
 */
export function setErrorStatus(trailer: Headers, error: ConnectError): Headers {
  const { code, rawMessage: message, details, metadata } = error;
  for (const [name, value] of metadata) if (!protocolHeader.test(name)) trailer.set(name, value);
  trailer.set(grpcHeaders.status, String(code));
  const encoded = message.toWellFormed().replace(/[^ -$&-~]+/gu, (text) => encodeURIComponent(text));
  trailer.set(grpcHeaders.message, encoded);
  if (details.length === 0) return trailer;
  const status = create(StatusSchema, { code, message, details: details.map(pack) });
  trailer.set(grpcHeaders.details, encodeBinaryHeader(status, StatusSchema));
  return trailer;
}

function pack(detail: ConnectError["details"][number]): Any | { typeUrl: string; value: Uint8Array } {
  if ("desc" in detail) return anyPack(detail.desc, create(detail.desc, detail.value));
  return { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value };
}

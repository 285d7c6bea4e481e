import type { ServerResponse } from "node:http";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import type { WellvaultError } from "../errors.ts";
import { toConnectError } from "./connect-error.ts";
import { setErrorStatus } from "./grpc-status.ts";
import type { NodeRequest, NodeResponse } from "./node-handler.ts";

/** The content types of gRPC and gRPC-Web, which want HTTP 200 and the error in trailers. */
const grpcType = /^application\/grpc(-web)?(\+(proto|json))?\s*(;|$)/i;

/** Answers a call that reaches no handler, in the form that the caller's protocol reads. */
export function answer(
  request: NodeRequest,
  response: NodeResponse,
  error: WellvaultError,
  { status = codeToHttpStatus(error.code), headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): void {
  const type = String(request.headers["content-type"] ?? "");
  const connectError = toConnectError(error);
  request.resume();
  if (grpcType.test(type)) {
    // A "trailers only" response: the status stands in the headers and there is no body.
    const trailer = Object.fromEntries(setErrorStatus(new Headers(), connectError));
    writeHead(response, 200, { ...headers, "content-type": type, ...trailer });
    response.end();
    return;
  }
  const body = errorToJsonBytes(connectError, undefined);
  const length = String(body.byteLength);
  writeHead(response, status, { ...headers, "content-type": "application/json", "content-length": length });
  response.end(body);
}

/** Both kinds of response have this method; TypeScript cannot call a union of their overloads. */
function writeHead(response: NodeResponse, status: number, headers: Record<string, string>): void {
  (response as ServerResponse).writeHead(status, headers);
}

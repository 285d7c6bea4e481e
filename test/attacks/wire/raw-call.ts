import { failureOfResponse, type WireResponse } from "../../support/wire.ts";
import type { ApiCall } from "./calls.ts";
import type { Badge } from "./issuer.ts";
import type { Stage } from "./stage.ts";

/** What came back for bytes that no client sends. */
export interface RawAnswer {
  /** The name of the gRPC code. */
  readonly outcome: string;
  /** What the error told, or the response's bytes as text. */
  readonly told: unknown;
}

/** Sends bytes as the body of a gRPC call over the bare connection. */
export async function rawCall(
  { wire }: Pick<Stage, "wire">,
  { method }: ApiCall,
  body: Uint8Array,
  badge: Badge,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const path = `/${method.parent.typeName}/${method.name}`;
  return answerOf(await wire.send(path, { "content-type": "application/grpc", ...badge.headers, ...headers }, body));
}

/** Reads the response to a gRPC call. */
export function answerOf(response: WireResponse): RawAnswer {
  const status = response.trailers.get("grpc-status") ?? response.headers.get("grpc-status");
  if (status === "0") return { outcome: "OK", told: response.body.toString("utf8") };
  const told = failureOfResponse(response);
  // "InvalidArgument" as gRPC spells it.
  return { outcome: told.code.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(), told };
}

import type { ConnectError } from "@connectrpc/connect";
import { errorDomain } from "../errors.ts";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { ErrorReason, ErrorReasonSchema } from "../gen/wellvault/v1/error_reason_pb.ts";

const reasons = new Map(ErrorReasonSchema.values.map(({ localName, number }) => [localName, number]));

/** The reason that the service gives with an error; undefined for an error that something else made. */
export function reasonOf(error: ConnectError): ErrorReason | undefined {
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === errorDomain);
  return info && ((reasons.get(info.reason) as ErrorReason | undefined) ?? ErrorReason.UNSPECIFIED);
}

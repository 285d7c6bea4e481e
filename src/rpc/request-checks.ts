import { Code } from "@connectrpc/connect";
import { errors, type WellvaultError } from "../errors.ts";

/** Largest metadata of a call, in bytes. HTTP/1.1 has the same limit in listener.ts. */
export const maxHeaderBytes = 16_384;

/**
 * Returns why a request's metadata is refused, or undefined.
 *
 * @param rawHeaders names and values by turns, as they came
 */
export function refuseMetadata(rawHeaders: readonly string[]): WellvaultError | undefined {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  if (bytes <= maxHeaderBytes) return undefined;
  return errors.requestMalformed(Code.InvalidArgument, "The metadata is larger than 16 KiB. Send less of it.");
}

/** Returns why a request is refused that names no usable authority. */
export function refuseAuthority(): WellvaultError {
  return errors.requestMalformed(Code.InvalidArgument, "The request has no usable authority.");
}

/** Whether an authority can be part of a URL. */
export function isAuthority(authority: string | undefined): authority is string {
  return Boolean(authority) && URL.canParse(`http://${authority}`);
}

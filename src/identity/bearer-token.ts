import { errors } from "../errors.ts";

/** Largest token taken, in characters. */
export const maxTokenLength = 8_192;

/**
 * Returns the token of the metadata `authorization`, which is not believed yet, or undefined when there is
 * none.
 *
 * @param value null when the metadata was sent twice
 * @throws WellvaultError TOKEN_MALFORMED when it holds anything but one signed JWT of at most 8 KiB
 */
export function readBearerToken(value: string | undefined | null): string | undefined {
  if (value === undefined) return undefined;
  if (value === null) throw errors.tokenMalformed("send it once, with one token");
  if (value.length > maxTokenLength + "Bearer ".length) throw errors.tokenMalformed("send a token of at most 8 KiB");
  const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(value)?.[1];
  if (token === undefined) throw errors.tokenMalformed("send the word Bearer, a space and a signed JWT");
  return token;
}

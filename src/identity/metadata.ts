/** The metadata that says who calls. */
const keys = ["authorization", "x-tenant-id", "x-role", "x-employee-id"] as const;

/** A key of the metadata that says who calls. */
export type IdentityKey = (typeof keys)[number];

/**
 * What the metadata holds of each key: undefined when it was not sent, null when it was sent twice or
 * holds a comma, by which proxies join what was sent twice. None of these values can hold one itself.
 */
export type IdentityMetadata = Readonly<Record<IdentityKey, string | undefined | null>>;

/**
 * Reads the metadata that says who calls from the raw headers: Node's parsed ones drop a second
 * `authorization` without a word and join others.
 *
 * @param rawHeaders names and values by turns
 */
export function readIdentityMetadata(rawHeaders: readonly string[]): IdentityMetadata {
  const found: Record<IdentityKey, string | undefined | null> = {
    authorization: undefined,
    "x-tenant-id": undefined,
    "x-role": undefined,
    "x-employee-id": undefined,
  };
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const key = rawHeaders[i]?.toLowerCase() as IdentityKey;
    if (!keys.includes(key)) continue;
    const value = rawHeaders[i + 1] ?? "";
    found[key] = found[key] === undefined && !value.includes(",") ? value : null;
  }
  return found;
}

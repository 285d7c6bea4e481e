import { hash } from "node:crypto";
import { errors } from "./errors.ts";

/**
 * What a page token is bound to: a token made for one scope is refused in any other. The tenant is
 * part of it, so a token of one tenant is worth nothing to another.
 */
export interface PageScope {
  /** Full name of the method. */
  readonly method: string;
  /** The tenant, or an empty string for methods without one. */
  readonly tenantId: string;
  /** The arguments that must stay the same from page to page, in a fixed order. */
  readonly args: readonly unknown[];
}

/** What a part of a key may be: `time` is an instant as toTimestamptz writes it, the numbers PostgreSQL's. */
export type KeyPart = "string" | "number" | "time" | "int2" | "int4";

/** The position after which the next page starts: the sort key of the last item. */
export type PageKey = readonly (string | number)[];

const digestBytes = 12;

/**
 * Makes the token of the page after `key`.
 *
 * A token is the key with a digest over key and scope. It is not a secret and grants nothing: whoever
 * forges one chooses where in their own tenant's list the next page starts.
 */
export function encodePageToken(scope: PageScope, key: PageKey): string {
  return tokenOf(scope, JSON.stringify(key));
}

/**
 * Returns the key in a token, or undefined for the empty token of the first page.
 *
 * @param shape the types of the key's parts
 * @throws WellvaultError PAGE_TOKEN_INVALID when the token was not made for this scope
 */
export function decodePageToken(scope: PageScope, token: string, shape: readonly KeyPart[]): PageKey | undefined {
  if (token === "") return undefined;
  const payload = Buffer.from(token, "base64url").subarray(digestBytes).toString();
  if (tokenOf(scope, payload) !== token) throw errors.pageTokenInvalid();
  const key = parse(payload);
  if (!Array.isArray(key) || key.length !== shape.length || !key.every((part, i) => fits(part, shape[i]))) {
    throw errors.pageTokenInvalid();
  }
  return key as PageKey;
}

/** Applies default and maximum to a page size; 0 means that none was given (AIP-158). */
export function pageSize(requested: number, fallback = 50, maximum = 1_000): number {
  return requested === 0 ? fallback : Math.min(requested, maximum);
}

/** A forged token must not reach the database with something it cannot read. */
function fits(part: unknown, kind: KeyPart | undefined): boolean {
  switch (kind) {
    case "string":
      return typeof part === "string" && !part.includes("\0");
    case "number":
      return typeof part === "number";
    case "time":
      return (
        typeof part === "string" &&
        /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}\+00$/.test(part) &&
        new Date(`${part.slice(0, 19)}Z`).toJSON()?.slice(0, 19) === part.slice(0, 19)
      );
    case "int2":
      return Number.isInteger(part) && Number(part) >= 0 && Number(part) < 2 ** 15;
    case "int4":
      return Number.isInteger(part) && Number(part) >= 0 && Number(part) < 2 ** 31;
    default:
      return false;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tokenOf(scope: PageScope, payload: string): string {
  const args = scope.args.map((value) => (typeof value === "bigint" ? String(value) : value));
  const text = JSON.stringify([scope.method, scope.tenantId, args]);
  const digest = hash("sha256", `${Buffer.byteLength(text)}:${text}${payload}`, "buffer");
  // A multiple of three bytes ends with a whole digit, so that the payload's digits may follow.
  return digest.toString("base64url", 0, digestBytes) + Buffer.from(payload).toString("base64url");
}

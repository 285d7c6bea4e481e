import { createHmac } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { TokenKey } from "../database/token-key.ts";

/** Signs the tokens that show a company's rows to a transaction. */
export interface TenantTokens {
  /**
   * Returns a token, as text, for the company that is good for at least `timeoutMs` from now on and half a minute
   * more, for a database whose clock runs ahead, and at most a quarter of a minute longer.
   */
  sign(companyId: string, timeoutMs: number): string;
}

/** By how much the clocks of the service and the database may differ, in milliseconds. */
export const clockToleranceMs = 30_000;

/** Tokens expire at multiples of this, so that calls for the same company share one. */
const stepSeconds = 15;

/** Tokens of a company that are remembered at most: calls of different deadlines have different ones. */
const maxExpiries = 4;

/**
 * Makes a signer.
 *
 * A token is `<key id>.<expiry>.<mac>`: the expiry in seconds since 1970, and HMAC-SHA-256 in hexadecimal over the
 * 16 bytes of the company's id and the expiry as a 64-bit integer, most significant byte first.
 * sql/control/0007_token_wall.sql checks it.
 *
 * @param now clock in milliseconds since 1970, for tests
 */
export function createTenantTokens(key: TokenKey, now: () => number = Date.now): TenantTokens {
  /** The tokens of a company by their expiry. */
  const signed = new LRUCache<string, Map<number, string>>({ max: 20_000 });
  return {
    sign(companyId, timeoutMs) {
      const earliest = (now() + timeoutMs + clockToleranceMs) / 1_000;
      const expiry = Math.ceil(earliest / stepSeconds) * stepSeconds;
      const tokens = signed.get(companyId) ?? new Map<number, string>();
      let token = tokens.get(expiry);
      if (!token) {
        const message = Buffer.alloc(24);
        message.write(companyId.replaceAll("-", ""), "hex");
        message.writeBigInt64BE(BigInt(expiry), 16);
        token = `${key.id}.${expiry}.${createHmac("sha256", key.secret).update(message).digest("hex")}`;
        // Those that are not asked for any more are not kept.
        if (tokens.size >= maxExpiries) tokens.clear();
        signed.set(companyId, tokens.set(expiry, token));
      }
      return token;
    },
  };
}

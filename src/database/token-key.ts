import { createHash, createHmac } from "node:crypto";

/** The key that tenant tokens are signed with. */
export interface TokenKey {
  /** Tells keys apart: 16 hexadecimal digits that say nothing about the secret. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Buffer;
}

/** Derives the key of the tenant tokens from a secret: every process with the same secret has the same key. */
export function deriveTokenKey(secret: string): TokenKey {
  const key = createHmac("sha256", secret).update("wellvault tenant token").digest();
  return { id: createHash("sha256").update("wellvault key id").update(key).digest("hex").slice(0, 16), secret: key };
}

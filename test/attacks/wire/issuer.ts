import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions } from "@connectrpc/connect";
import type { IdentitySettings } from "../../../src/identity/identity-settings.ts";
import type { Role } from "../../../src/identity/principal.ts";
import { audience, caller, createKey, issuer, type TestKey, tokenSettings } from "../../support/tokens.ts";

/** An identity provider whose tokens a service believes by a file of keys. */
export interface Issuer {
  readonly key: TestKey;
  /** The file with the keys. */
  readonly keysFile: string;
  /** What makes a service believe its tokens, as settings and as environment variables. */
  readonly settings: IdentitySettings;
  readonly environment: Readonly<Record<string, string>>;
  /** The metadata of a call with a token; the tenants are those that the token allows. */
  badge(role: Role, tenants?: string | readonly string[], employeeId?: string): Promise<Badge>;
  /** Publishes other keys. */
  publish(keys: readonly TestKey[]): Promise<void>;
  /** Removes the file. */
  close(): Promise<void>;
}

/** The metadata that carries a token. */
export interface Badge extends CallOptions {
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes an identity provider with one key. */
export async function openIssuer(): Promise<Issuer> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-keys-"));
  const keysFile = join(folder, "keys.json");
  const key = await createKey("first");
  const publish = async (keys: readonly TestKey[]) =>
    await writeFile(keysFile, JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  await publish([key]);
  return {
    key,
    keysFile,
    settings: tokenSettings({ WELLVAULT_JWT_KEYS_FILE: keysFile }),
    environment: {
      WELLVAULT_IDENTITY: "credentials",
      WELLVAULT_JWT_ISSUER: issuer,
      WELLVAULT_JWT_AUDIENCE: audience,
      WELLVAULT_JWT_ALGORITHMS: "ES256",
      WELLVAULT_JWT_KEYS_FILE: keysFile,
    },
    publish,
    async badge(role, tenants, employeeId) {
      return bearer(await key.sign(caller(role, tenants, employeeId)));
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The metadata of a call with a token as it is. */
export function bearer(token: string, more: Readonly<Record<string, string>> = {}): Badge {
  return { headers: { authorization: `Bearer ${token}`, ...more } };
}

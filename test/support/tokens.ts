import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { type IdentitySettings, readIdentitySettings } from "../../src/identity/identity-settings.ts";
import type { Role } from "../../src/identity/principal.ts";

/** The issuer and audience of the tests. */
export const issuer = "https://issuer.test";
export const audience = "https://wellvault.test";

/** A key pair that signs tokens, as an identity provider has it. */
export interface TestKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  /** The public half, as it stands in a JWKS. */
  readonly jwk: JWK;
  /** Signs a token; what is given replaces what is right by default, and undefined takes a claim out. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Seconds since 1970, so many from now. */
export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** Makes a key pair. */
export async function createKey(kid: string, alg = "ES256"): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  return {
    alg,
    kid,
    privateKey,
    jwk,
    async sign(claims, header = {}) {
      const payload = {
        iss: issuer,
        aud: audience,
        sub: "someone",
        iat: secondsFromNow(0),
        exp: secondsFromNow(600),
        ...claims,
      };
      return await new SignJWT(payload).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
    },
  };
}

/** The claims of a caller. */
export function caller(role: Role, tenants?: string | readonly string[], employeeId?: string): JWTPayload {
  return {
    role,
    ...(tenants === undefined ? {} : { tenants }),
    ...(employeeId === undefined ? {} : { employee_id: employeeId }),
  };
}

/** Makes a token by hand, with a header and a signature of one's own. */
export function forge(header: object, payload: object, signature: (signed: string) => Buffer | string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${Buffer.from(signature(signed)).toString("base64url")}`;
}

/** The claims of a token. */
export function payloadOf(token: string): JWTPayload {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as JWTPayload;
}

/** The settings of a service that believes tokens of {@link issuer}. */
export function tokenSettings(env: Readonly<Record<string, string>>): IdentitySettings {
  return readIdentitySettings(
    {
      WELLVAULT_IDENTITY: "credentials",
      WELLVAULT_JWT_ISSUER: issuer,
      WELLVAULT_JWT_AUDIENCE: audience,
      WELLVAULT_JWT_ALGORITHMS: "ES256",
      ...env,
    },
    { host: "127.0.0.1", databaseUrl: undefined },
  );
}

/** A JWKS URL whose answers the test decides. */
export interface JwksServer {
  readonly url: string;
  /** How often it was asked. */
  readonly asked: () => number;
  /** What it answers with from now on: keys, a body, or undefined for an outage. */
  answer(next: readonly JWK[] | string | undefined): void;
  close(): Promise<void>;
}

/** Serves a JWKS on a loopback port. */
export async function startJwks(keys: readonly JWK[] | undefined): Promise<JwksServer> {
  let current: readonly JWK[] | string | undefined = keys;
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    if (current === undefined) response.writeHead(503).end();
    else response.end(typeof current === "string" ? current : JSON.stringify({ keys: current }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    asked: () => asked,
    answer: (next) => {
      current = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

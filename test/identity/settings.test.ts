import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config.ts";
import { type IdentitySettings, readIdentitySettings } from "../../src/identity/identity-settings.ts";
import { openIdentity } from "../../src/identity/open-identity.ts";
import { startService } from "../../src/service.ts";
import { createAuthority } from "../support/certificates.ts";
import { audience, createKey, issuer } from "../support/tokens.ts";

type Env = Readonly<Record<string, string>>;

const tokens = {
  WELLVAULT_IDENTITY: "credentials",
  WELLVAULT_JWT_ISSUER: issuer,
  WELLVAULT_JWT_AUDIENCE: audience,
  WELLVAULT_JWT_ALGORITHMS: "ES256,EdDSA",
  WELLVAULT_JWKS_URL: "https://issuer.test/keys",
};
const tls = { WELLVAULT_TLS_CERT_FILE: "server.pem", WELLVAULT_TLS_KEY_FILE: "server.key" };
const certificates = {
  WELLVAULT_IDENTITY: "credentials",
  ...tls,
  WELLVAULT_TLS_CLIENT_CA_FILE: "ca.pem",
  WELLVAULT_CERTIFICATES_FILE: "entries.json",
};

function read(env: Env, host = "127.0.0.1", databaseUrl?: string): IdentitySettings {
  return readIdentitySettings(env, { host, databaseUrl });
}

function without(env: Env, name: string): Env {
  return Object.fromEntries(Object.entries(env).filter(([key]) => key !== name));
}

const url = "postgresql://user:password@host:5432/wellvault";

test("without settings the development identity is for the embedded database alone", () => {
  expect(read({})).toEqual({ mode: "development", forced: false });
  expect(() => read({}, "127.0.0.1", url)).toThrow(/WELLVAULT_IDENTITY must be set.*credentials.*development/);
  expect(read({ WELLVAULT_IDENTITY: "development" }, "127.0.0.1", url)).toEqual({ mode: "development", forced: true });
  expect(() => read({ WELLVAULT_IDENTITY: "production" })).toThrow(/WELLVAULT_IDENTITY/);
});

test.each(["0.0.0.0", "::", "10.0.0.1", "wellvault.example.org", "localhost.example.org"])(
  "on %s development is refused, and credentials want TLS or a word",
  (host) => {
    expect(() => read({ WELLVAULT_IDENTITY: "development" }, host)).toThrow(/WELLVAULT_HOST.*loopback/);
    expect(() => read(tokens, host)).toThrow(/WELLVAULT_TLS_CERT_FILE.*WELLVAULT_PLAINTEXT=allow/);
    expect(read({ ...tokens, WELLVAULT_PLAINTEXT: "allow" }, host)).toMatchObject({ mode: "credentials" });
    expect(read({ ...tokens, ...tls }, host)).toMatchObject({ mode: "credentials" });
    expect(read(tokens, "127.0.0.1")).toMatchObject({ mode: "credentials" });
  },
);

test.each<[string, Env, RegExp]>([
  ["no audience", without(tokens, "WELLVAULT_JWT_AUDIENCE"), /^WELLVAULT_JWT_AUDIENCE is missing/],
  ["an empty audience", { ...tokens, WELLVAULT_JWT_AUDIENCE: "" }, /^WELLVAULT_JWT_AUDIENCE is missing/],
  ["no issuer", without(tokens, "WELLVAULT_JWT_ISSUER"), /^WELLVAULT_JWT_ISSUER is missing/],
  ["no algorithms", without(tokens, "WELLVAULT_JWT_ALGORITHMS"), /^WELLVAULT_JWT_ALGORITHMS is missing/],
  ["a shared secret's algorithm", { ...tokens, WELLVAULT_JWT_ALGORITHMS: "ES256,HS256" }, /WELLVAULT_JWT_ALGORITHMS/],
  ["no signature", { ...tokens, WELLVAULT_JWT_ALGORITHMS: "none" }, /WELLVAULT_JWT_ALGORITHMS/],
  ["an algorithm too much", { ...tokens, WELLVAULT_JWT_ALGORITHMS: "ES256," }, /WELLVAULT_JWT_ALGORITHMS/],
  ["no keys", without(tokens, "WELLVAULT_JWKS_URL"), /Exactly one of WELLVAULT_JWKS_URL and WELLVAULT_JWT_KEYS_FILE/],
  ["keys of two kinds", { ...tokens, WELLVAULT_JWT_KEYS_FILE: "keys.json" }, /Exactly one of WELLVAULT_JWKS_URL/],
  ["keys in plain text", { ...tokens, WELLVAULT_JWKS_URL: "http://issuer.test/keys" }, /WELLVAULT_JWKS_URL.*https/],
  ["keys of a file's URL", { ...tokens, WELLVAULT_JWKS_URL: "file:///etc/keys" }, /WELLVAULT_JWKS_URL/],
  ["keys behind a password", { ...tokens, WELLVAULT_JWKS_URL: "https://a:b@issuer.test/keys" }, /WELLVAULT_JWKS_URL/],
  ["no URL", { ...tokens, WELLVAULT_JWKS_URL: "keys" }, /WELLVAULT_JWKS_URL/],
  ["an age that is none", { ...tokens, WELLVAULT_JWT_MAX_AGE_S: "1d" }, /WELLVAULT_JWT_MAX_AGE_S/],
  ["a registered claim", { ...tokens, WELLVAULT_JWT_ROLE_CLAIM: "sub" }, /WELLVAULT_JWT_ROLE_CLAIM/],
  ["one claim for two", { ...tokens, WELLVAULT_JWT_ROLE_CLAIM: "tenants" }, /WELLVAULT_JWT_TENANTS_CLAIM/],
  ["nothing to prove by", { WELLVAULT_IDENTITY: "credentials" }, /WELLVAULT_JWT_ISSUER.*WELLVAULT_CERTIFICATES_FILE/],
  ["TLS alone", { WELLVAULT_IDENTITY: "credentials", ...tls }, /needs something to prove who calls/],
  ["a certificate without its key", without({ ...tokens, ...tls }, "WELLVAULT_TLS_KEY_FILE"), /WELLVAULT_TLS_KEY_FILE/],
  [
    "entries without an authority",
    without(certificates, "WELLVAULT_TLS_CLIENT_CA_FILE"),
    /WELLVAULT_TLS_CLIENT_CA_FILE/,
  ],
  ["an authority without entries", without(certificates, "WELLVAULT_CERTIFICATES_FILE"), /WELLVAULT_CERTIFICATES_FILE/],
  ["another word for plain text", { ...tokens, WELLVAULT_PLAINTEXT: "yes" }, /WELLVAULT_PLAINTEXT/],
  ["tokens in development", { ...tokens, WELLVAULT_IDENTITY: "development" }, /WELLVAULT_JWT_ISSUER.*no effect/],
  ["tokens, but no word", without(tokens, "WELLVAULT_IDENTITY"), /no effect.*WELLVAULT_IDENTITY=credentials/],
])("settings with %s refuse to start and name the way out", (_, env, message) => {
  expect(() => read(env)).toThrow(message);
  expect(() => read(env)).toThrow(ConfigError);
  // The controls: whole, they are taken.
  expect(read(tokens)).toMatchObject({ tokens: { audience, algorithms: ["ES256", "EdDSA"], maxAgeS: 86_400 } });
  expect(read(certificates)).toMatchObject({ tokens: undefined });
});

test("http is for the JWKS of a loopback address", () => {
  for (const host of ["127.0.0.1:9", "localhost", "[::1]:9"]) {
    expect(read({ ...tokens, WELLVAULT_JWKS_URL: `http://${host}/keys` })).toMatchObject({ mode: "credentials" });
  }
});

test("a service is not started where its settings would not protect it, however they came to be", async () => {
  const start = (identity: IdentitySettings) =>
    startService({
      config: readConfig({ WELLVAULT_HOST: "0.0.0.0", WELLVAULT_PORT: "0" }),
      identity,
      databaseUrl: "postgresql://nobody@127.0.0.1:1/none",
      log: pino({ level: "silent" }),
    });
  await expect(start({ mode: "development", forced: false })).rejects.toThrow(/WELLVAULT_HOST/);
  await expect(start(read(tokens))).rejects.toThrow(/WELLVAULT_HOST/);
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-settings-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Opens the identity of settings whose file holds a text, and closes it again. */
async function openWith(variable: string, text: string, others: Env): Promise<void> {
  const file = join(folder, "file");
  await writeFile(file, text);
  const identity = await openIdentity(read({ ...others, [variable]: file }), pino({ level: "silent" }));
  identity.close();
}

const good = await createKey("good");
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const publicPem = String(pair.publicKey.export({ type: "spki", format: "pem" }));
const privatePem = String(pair.privateKey.export({ type: "pkcs8", format: "pem" }));
const privateJwk = { ...pair.privateKey.export({ format: "jwk" }) };

test.each<[string, string]>([
  ["a private key as PEM", privatePem],
  ["a private key beside a public one", publicPem + privatePem],
  ["a private key as JWK", JSON.stringify({ keys: [good.jwk, privateJwk] })],
  ["a shared secret", JSON.stringify({ keys: [good.jwk, { kty: "oct", k: "c2VjcmV0" }] })],
  ["nothing", ""],
  ["no key", '{"keys": []}'],
  ["half a JWKS", '{"keys": ['],
  ["a key without its numbers", '{"keys": [{"kty": "EC", "crv": "P-256"}]}'],
  ["a damaged PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"],
])("a keys file with %s refuses to start and repeats nothing of it", async (_, text) => {
  const others = without(tokens, "WELLVAULT_JWKS_URL");
  const opened = openWith("WELLVAULT_JWT_KEYS_FILE", text, others);
  await expect(opened).rejects.toThrow(/^WELLVAULT_JWT_KEYS_FILE/);
  await expect(opened).rejects.toThrow(ConfigError);
  await opened.catch((error: Error) => expect(error.message).not.toMatch(/c2VjcmV0|AAAA/));
  await openWith("WELLVAULT_JWT_KEYS_FILE", publicPem, others);
  await openWith("WELLVAULT_JWT_KEYS_FILE", JSON.stringify({ keys: [good.jwk] }), others);
});

test("a file that is missing is named with its setting", async () => {
  const settings = read({ ...without(tokens, "WELLVAULT_JWKS_URL"), WELLVAULT_JWT_KEYS_FILE: join(folder, "missing") });
  await expect(openIdentity(settings, pino({ level: "silent" }))).rejects.toThrow(/WELLVAULT_JWT_KEYS_FILE.*ENOENT/);
});

const entry = { principal: "someone", role: "company_admin", tenants: "acme" };
const name = "spiffe://example.org/admin";

test.each<[string, unknown, RegExp]>([
  ["a list", [entry], /JSON object/],
  ["an unknown kind of name", { "CN=admin": entry }, /CN=admin/],
  ["a name without a path", { "spiffe://example.org": entry }, /name/],
  ["capitals in the trust domain", { "spiffe://Example.org/admin": entry }, /name/],
  ["dots in the path", { "spiffe://example.org/a/../admin": entry }, /name/],
  ["a wildcard", { "dns:*.example.org": entry }, /wildcards/],
  ["a host in capitals", { "dns:Example.org": entry }, /lower case/],
  ["no principal", { [name]: { ...entry, principal: undefined } }, /principal/],
  ["an unknown role", { [name]: { ...entry, role: "root" } }, /role/],
  ["no tenants", { [name]: { ...entry, tenants: undefined } }, /tenants/],
  ["all tenants for an admin", { [name]: { ...entry, tenants: "*" } }, /tenants/],
  ["an employee without an id", { [name]: { ...entry, role: "employee" } }, /employee_id/],
  ["an admin's employee id", { [name]: { ...entry, employee_id: crypto.randomUUID() } }, /employee_id/],
  ["an unknown role to pass on", { [name]: { ...entry, forwards: ["root"] } }, /forwards/],
  ["a misspelt field", { [name]: { ...entry, forward: ["coach"] } }, /"forward"/],
])("entries of certificates with %s refuse to start", async (_, entries, message) => {
  const authority = await createAuthority("authority");
  const own = await authority.issue({ hosts: ["localhost"] });
  const file = async (suffix: string, text: string) => {
    await writeFile(join(folder, suffix), text);
    return join(folder, suffix);
  };
  const others = {
    WELLVAULT_IDENTITY: "credentials",
    WELLVAULT_TLS_CERT_FILE: await file("server.pem", own.cert),
    WELLVAULT_TLS_KEY_FILE: await file("server.key", own.key),
    WELLVAULT_TLS_CLIENT_CA_FILE: await file("ca.pem", authority.cert),
  };
  const opened = openWith("WELLVAULT_CERTIFICATES_FILE", JSON.stringify(entries), others);
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toThrow(/^WELLVAULT_CERTIFICATES_FILE/);
  await openWith("WELLVAULT_CERTIFICATES_FILE", JSON.stringify({ [name]: entry }), others);
  for (const text of ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
    const untrusting = { ...others, WELLVAULT_TLS_CLIENT_CA_FILE: await file("broken.pem", text) };
    const trusted = openWith("WELLVAULT_CERTIFICATES_FILE", JSON.stringify({ [name]: entry }), untrusting);
    await expect(trusted).rejects.toThrow(/^WELLVAULT_TLS_CLIENT_CA_FILE/);
  }
  const strange = await authority.issue({ hosts: ["localhost"] });
  const mixed = { ...others, WELLVAULT_TLS_KEY_FILE: await file("other.key", strange.key) };
  const both = openWith("WELLVAULT_CERTIFICATES_FILE", JSON.stringify({ [name]: entry }), mixed);
  await expect(both).rejects.toThrow(/WELLVAULT_TLS_CERT_FILE and WELLVAULT_TLS_KEY_FILE/);
});

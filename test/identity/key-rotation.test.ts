import { createPublicKey, type KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { IdentityOptions } from "../../src/identity/open-identity.ts";
import { withToken } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { caller, createKey, type JwksServer, startJwks, type TestKey, tokenSettings } from "../support/tokens.ts";

let setUp: TestService;
let folder: string;
let before: TestKey;
let after: TestKey;
beforeAll(async () => {
  setUp = await startTestService();
  await setUp.provision("acme");
  folder = await mkdtemp(join(tmpdir(), "wellvault-keys-"));
  before = await createKey("before");
  after = await createKey("after");
});
afterAll(async () => {
  await setUp.close();
  await rm(folder, { recursive: true, force: true });
});

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

async function start(env: Record<string, string>, options: IdentityOptions = {}): Promise<TestService> {
  const service = await startTestService({}, setUp.database, tokenSettings(env), options);
  closing.push(() => service.close());
  return service;
}

async function serve(keys: Parameters<typeof startJwks>[0]): Promise<JwksServer> {
  const jwks = await startJwks(keys);
  closing.push(() => jwks.close());
  return jwks;
}

/** Calls with a new token of a key, or with `token`, and returns the reason of the refusal or "taken". */
async function outcome(service: TestService, key: TestKey, token?: string): Promise<string> {
  const bearer = token ?? (await key.sign(caller("company_admin", "acme", crypto.randomUUID())));
  return await service.clients.employees.listEmployees({}, withToken(bearer)).then(
    () => "taken",
    async (error: unknown) => (await failureOf(Promise.reject(error))).reason,
  );
}

/** Everything at once, so that a test need not wait for minutes. */
const quick = { refreshMs: 100, cooldownMs: 0, retryMs: 0 };

test("a new key is found when the first token brings it, while the old one goes on", async () => {
  const jwks = await serve([before.jwk]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: { cooldownMs: 0 } });
  expect(await outcome(service, before)).toBe("taken");
  expect(await outcome(service, after)).toBe("TOKEN_UNTRUSTED");
  jwks.answer([before.jwk, after.jwk]);
  expect(await outcome(service, after)).toBe("taken");
  expect(await outcome(service, before)).toBe("taken");
});

test("a key that was taken out is refused without a restart, a remembered token of it too", async () => {
  const jwks = await serve([before.jwk, after.jwk]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: quick });
  const remembered = await before.sign(caller("company_admin", "acme"));
  expect(await outcome(service, before, remembered)).toBe("taken");
  jwks.answer([after.jwk]);
  await expect.poll(() => outcome(service, before, remembered), { timeout: 10_000 }).toBe("TOKEN_UNTRUSTED");
  expect(await outcome(service, after)).toBe("taken");
});

test("an outage leaves known keys in use, and what cannot be told is unavailable", async () => {
  const jwks = await serve([before.jwk]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: { ...quick, refreshMs: 20 } });
  expect(await outcome(service, before)).toBe("taken");
  jwks.answer(undefined);
  // Whatever was on its way when the outage began is over.
  await expect.poll(() => outcome(service, after)).toBe("KEYS_UNAVAILABLE");
  expect(await outcome(service, before)).toBe("taken");
  const error = await failureOf(
    service.clients.employees.listEmployees({}, withToken(await after.sign(caller("company_admin", "acme")))),
  );
  expect(error).toMatchObject({ code: "Unavailable", reason: "KEYS_UNAVAILABLE", metadata: {} });
  expect(service.logLines.join("")).toContain("the keys of tokens cannot be fetched");
  jwks.answer([before.jwk, after.jwk]);
  await expect.poll(() => outcome(service, after)).toBe("taken");
});

test("keys that could not be fetched again for too long are used no more", async () => {
  const jwks = await serve([before.jwk]);
  const times = { refreshMs: 60_000, cooldownMs: 0, retryMs: 0, staleMs: 300 };
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: times, remember: 0 });
  expect(await outcome(service, before)).toBe("taken");
  jwks.answer(undefined);
  await expect.poll(() => outcome(service, before), { timeout: 10_000 }).toBe("KEYS_UNAVAILABLE");
});

test("a service that starts during an outage recovers by itself", async () => {
  const jwks = await serve(undefined);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: { retryMs: 0 } });
  expect(await outcome(service, before)).toBe("KEYS_UNAVAILABLE");
  jwks.answer([before.jwk]);
  await expect.poll(() => outcome(service, before)).toBe("taken");
});

test("tokens of unknown keys do not make the service ask again and again", async () => {
  const jwks = await serve([before.jwk]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url });
  expect(await outcome(service, before)).toBe("taken");
  const asked = jwks.asked();
  for (let i = 0; i < 30; i++) {
    const unknown = await after.sign(caller("company_admin", "acme"), { kid: `made-up-${i}` });
    expect(await outcome(service, after, unknown)).toBe("TOKEN_UNTRUSTED");
  }
  expect(jwks.asked() - asked).toBeLessThanOrEqual(1);
  // The control: without the pause each of them asks.
  const eager = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: { cooldownMs: 0 } });
  const counted = jwks.asked();
  for (let i = 0; i < 5; i++) expect(await outcome(eager, after)).toBe("TOKEN_UNTRUSTED");
  expect(jwks.asked() - counted).toBeGreaterThanOrEqual(5);
});

test("calls that wait for the same unknown key share one fetch", async () => {
  const jwks = await serve([before.jwk]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: { cooldownMs: 50 } });
  expect(await outcome(service, before)).toBe("taken");
  await new Promise((done) => setTimeout(done, 60));
  const asked = jwks.asked();
  const all = await Promise.all(Array.from({ length: 20 }, () => outcome(service, after)));
  expect(new Set(all)).toEqual(new Set(["TOKEN_UNTRUSTED"]));
  expect(jwks.asked() - asked).toBeLessThanOrEqual(2);
});

test.each<[string, (good: object) => string]>([
  ["grows beyond all bounds", (good) => JSON.stringify({ keys: [good], padding: "x".repeat(600_000) })],
  ["is no JSON", () => "<html>"],
  ["is null", () => "null"],
  ["holds no key", () => '{"keys": []}'],
  ["holds shared secrets only", () => '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "after"}]}'],
])("a JWKS that %s changes nothing: the known keys stay", async (_, answer) => {
  const jwks = await serve([before.jwk]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url }, { keyTimes: quick });
  expect(await outcome(service, before)).toBe("taken");
  jwks.answer(answer(after.jwk));
  await expect.poll(() => outcome(service, after)).toBe("KEYS_UNAVAILABLE");
  expect(await outcome(service, before)).toBe("taken");
  expect(service.logLines.join("")).not.toContain("c2VjcmV0");
  // The control: the same keys in a JWKS that is none of this are believed, once what is on its way is over.
  jwks.answer([before.jwk, after.jwk]);
  await expect.poll(() => outcome(service, after)).toBe("taken");
});

test("a JWKS that grows to hundreds of keys is believed, and other kinds of keys in it are passed over", async () => {
  const others = Array.from({ length: 400 }, (_, i) => ({ ...before.jwk, kid: `other-${i}` }));
  const odd = [{ kty: "oct", k: "c2VjcmV0" }, { kty: "NEW", kid: "new" }, { nothing: true }] as object[];
  const jwks = await serve([...odd, ...others, after.jwk] as (typeof after.jwk)[]);
  const service = await start({ WELLVAULT_JWKS_URL: jwks.url });
  expect(await outcome(service, after)).toBe("taken");
});

test("a redirect of the JWKS URL is not followed", async () => {
  const { createServer } = await import("node:http");
  const jwks = await serve([before.jwk]);
  const redirect = createServer((_, response) => response.writeHead(302, { location: jwks.url }).end());
  await new Promise<void>((done) => redirect.listen(0, "127.0.0.1", done));
  closing.push(() => new Promise((done) => redirect.close(done)));
  const { port } = redirect.address() as { port: number };
  const service = await start({ WELLVAULT_JWKS_URL: `http://127.0.0.1:${port}/` });
  expect(await outcome(service, before)).toBe("KEYS_UNAVAILABLE");
  expect(jwks.asked()).toBe(0);
});

/** The public half as PEM, which has no name. */
function pem(key: TestKey): string {
  const publicKey: KeyObject = createPublicKey({ key: key.jwk as import("node:crypto").JsonWebKey, format: "jwk" });
  return String(publicKey.export({ type: "spki", format: "pem" }));
}

test.each<[string, (...keys: TestKey[]) => string]>([
  ["a JWKS", (...keys) => JSON.stringify({ keys: keys.map((key) => key.jwk) })],
  ["PEM", (...keys) => keys.map(pem).join("")],
])("keys of a file with %s are read again when it changes", async (name, text) => {
  const file = join(folder, name);
  await writeFile(file, text(before));
  const service = await start({ WELLVAULT_JWT_KEYS_FILE: file }, { watchMs: 20 });
  const remembered = await before.sign(caller("company_admin", "acme"));
  expect(await outcome(service, before, remembered)).toBe("taken");
  expect(await outcome(service, after)).toBe("TOKEN_UNTRUSTED");

  await writeFile(file, text(before, after));
  await expect.poll(() => outcome(service, after), { timeout: 10_000 }).toBe("taken");
  expect(await outcome(service, before)).toBe("taken");

  await writeFile(file, "half a fi");
  await expect.poll(() => service.logLines.join(""), { timeout: 10_000 }).toContain("the former stay");
  expect(await outcome(service, after)).toBe("taken");

  await writeFile(file, text(after));
  await expect.poll(() => outcome(service, before, remembered), { timeout: 10_000 }).toBe("TOKEN_UNTRUSTED");
  expect(await outcome(service, after)).toBe("taken");
});

test("a key that is too short for its algorithm is refused and is no defect", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const short = generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey.export({ format: "jwk" });
  const file = join(folder, "short.json");
  await writeFile(file, JSON.stringify({ keys: [{ ...short, kid: "short" }, before.jwk] }));
  const service = await start({ WELLVAULT_JWT_KEYS_FILE: file, WELLVAULT_JWT_ALGORITHMS: "RS256,ES256" });
  const long = await createKey("short", "RS256");
  expect(await outcome(service, long)).toBe("TOKEN_UNTRUSTED");
  expect(await outcome(service, before)).toBe("taken");
});

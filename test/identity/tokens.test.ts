import { createHmac, createPublicKey, KeyObject, sign } from "node:crypto";
import type { DescMethod } from "@bufbuild/protobuf";
import { calculateJwkThumbprint, exportSPKI, importJWK, type JWTPayload } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { PrivacyService } from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { VerificationService } from "../../src/gen/wellvault/v1/verification_service_pb.ts";
import { as, openClients, protocols, withToken } from "../support/clients.ts";
import { type CallFailure, failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import {
  caller,
  createKey,
  forge,
  type JwksServer,
  payloadOf,
  secondsFromNow,
  startJwks,
  type TestKey,
  tokenSettings,
} from "../support/tokens.ts";
import { failureOfResponse, openWire, type Wire } from "../support/wire.ts";

let setUp: TestService;
let service: TestService;
let jwks: JwksServer;
let key: TestKey;
let wire: Wire;
beforeAll(async () => {
  key = await createKey("one");
  jwks = await startJwks([key.jwk]);
  setUp = await startTestService();
  await setUp.provision("acme");
  service = await startTestService({}, setUp.database, tokenSettings({ WELLVAULT_JWKS_URL: jwks.url }));
  wire = await openWire(service.address);
});
afterAll(async () => {
  wire.close();
  await service.close();
  await setUp.close();
  await jwks.close();
});

const admin = () => caller("company_admin", "acme");
const list = (token: string, tenantId?: string) =>
  service.clients.employees.listEmployees({}, withToken(token, tenantId));
const refused = async (token: string, tenantId?: string): Promise<CallFailure> =>
  await failureOf(list(token, tenantId));

/** The attack is refused, and the same call with a good token is not. */
async function expectRefused(token: string, expected: object): Promise<void> {
  const failure = await refused(token);
  expect(failure).toMatchObject({ code: "Unauthenticated", ...expected });
  // Neither the token nor any part of it is repeated.
  for (const part of token.split(".").filter((one) => one.length > 8)) {
    expect(JSON.stringify(failure)).not.toContain(part);
  }
  await expect(list(await key.sign(admin()))).resolves.toBeDefined();
}

const methods = [
  TenantService,
  EmployeeService,
  EmployeeLogService,
  MetricService,
  PrivacyService,
  VerificationService,
].flatMap((one) => one.methods as DescMethod[]);

test.each(methods.map((method) => [`/${method.parent.typeName}/${method.name}`]))(
  "%s without a credential is refused before the body is read, whatever the development metadata says",
  async (path) => {
    const grpc = { "content-type": "application/grpc" };
    const { headers } = as("company_admin", "acme", crypto.randomUUID());
    for (const metadata of [{}, headers]) {
      const response = await wire.send(path, { ...grpc, ...metadata }, Buffer.from("no envelope at all"));
      expect(failureOfResponse(response)).toMatchObject({
        code: "Unauthenticated",
        reason: "IDENTITY_MISSING",
        metadata: { key: "authorization" },
      });
    }
  },
);

test.each(protocols)("%s is let in with a token and refused without one", async (protocol) => {
  const clients = openClients(service.address, protocol);
  try {
    const { employees } = await clients.employees.listEmployees({}, withToken(await key.sign(admin())));
    expect(employees).toEqual([]);
    expect(await failureOf(clients.employees.listEmployees({}))).toMatchObject({ reason: "IDENTITY_MISSING" });
  } finally {
    clients.close();
  }
});

test("the scheme is taken in any case", async () => {
  const token = await key.sign(admin());
  const call = service.clients.employees.listEmployees({}, { headers: { authorization: `bEARER ${token}` } });
  await expect(call).resolves.toBeDefined();
});

test("a signature that was changed, or made by another key of the same name, is refused", async () => {
  const token = await key.sign(admin());
  const [header = "", payload = "", signature = ""] = token.split(".");
  const changed = Buffer.from(signature, "base64url");
  changed.writeUInt8(changed.readUInt8(5) ^ 1, 5);
  await expectRefused(`${header}.${payload}.${changed.toString("base64url")}`, {
    reason: "TOKEN_UNTRUSTED",
    metadata: { check: "signature" },
  });
  const promoted = Buffer.from(JSON.stringify({ ...payloadOf(token), tenants: "globex" }));
  await expectRefused(`${header}.${promoted.toString("base64url")}.${signature}`, { reason: "TOKEN_UNTRUSTED" });
  const impostor = await createKey("one");
  await expectRefused(await impostor.sign(admin()), { reason: "TOKEN_UNTRUSTED", metadata: { check: "signature" } });
});

test.each<[string, () => JWTPayload, string | undefined]>([
  ["expired 20 s ago", () => ({ exp: secondsFromNow(-20) }), undefined],
  ["expired 40 s ago", () => ({ exp: secondsFromNow(-40) }), "exp"],
  ["valid in 20 s", () => ({ nbf: secondsFromNow(20) }), undefined],
  ["valid in 40 s", () => ({ nbf: secondsFromNow(40) }), "nbf"],
  ["issued in 20 s", () => ({ iat: secondsFromNow(20) }), undefined],
  ["issued in 40 s", () => ({ iat: secondsFromNow(40) }), "iat"],
  ["issued a day ago less a minute", () => ({ iat: secondsFromNow(60 - 86_400) }), undefined],
  ["issued a day and a minute ago", () => ({ iat: secondsFromNow(-60 - 86_400) }), "iat"],
])("a token %s is taken or refused by a tolerance of 30 s", async (_, times, check) => {
  const token = await key.sign({ ...admin(), ...times() });
  if (check === undefined) await expect(list(token)).resolves.toBeDefined();
  else await expectRefused(token, { reason: "TOKEN_EXPIRED", metadata: { check } });
});

test("a token that is remembered is refused once its time is over", async () => {
  // Ends, with the tolerance of 30 s, in two seconds.
  const token = await key.sign({ ...admin(), exp: secondsFromNow(-28) });
  await expect(list(token)).resolves.toBeDefined();
  await expect
    .poll(
      async () =>
        await list(token).then(
          () => "taken",
          async (error) => (await failureOf(Promise.reject(error))).reason,
        ),
      {
        timeout: 10_000,
      },
    )
    .toBe("TOKEN_EXPIRED");
});

test.each<[string, Readonly<Record<string, unknown>>, object]>([
  ["another issuer", { iss: "https://elsewhere.test" }, { reason: "TOKEN_UNTRUSTED", metadata: { check: "iss" } }],
  ["no issuer", { iss: undefined }, { reason: "TOKEN_UNTRUSTED", metadata: { check: "iss" } }],
  ["another audience", { aud: "https://billing.test" }, { reason: "TOKEN_UNTRUSTED", metadata: { check: "aud" } }],
  ["other audiences", { aud: ["a", "b"] }, { reason: "TOKEN_UNTRUSTED", metadata: { check: "aud" } }],
  ["no audience", { aud: undefined }, { reason: "TOKEN_UNTRUSTED", metadata: { check: "aud" } }],
  ["no end", { exp: undefined }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "exp" } }],
  ["no time of issue", { iat: undefined }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "iat" } }],
  ["no subject", { sub: undefined }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "sub" } }],
  ["an empty subject", { sub: "" }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "sub" } }],
  ["a line break in the subject", { sub: "a\nb" }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "sub" } }],
  ["a long subject", { sub: "x".repeat(257) }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "sub" } }],
  ["no role", { role: undefined }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "role" } }],
  ["an unknown role", { role: "root" }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "role" } }],
  ["a role in capitals", { role: "COACH" }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "role" } }],
  ["two roles", { role: ["coach", "employee"] }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "role" } }],
  ["no tenants", { tenants: undefined }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } }],
  ["an empty list", { tenants: [] }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } }],
  ["an empty tenant", { tenants: "" }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } }],
  [
    "a tenant that is a number",
    { tenants: ["acme", 7] },
    { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } },
  ],
  ["all tenants for an admin", { tenants: "*" }, { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } }],
  [
    "all tenants and one",
    { role: "ingest_service", tenants: ["*", "acme"] },
    { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } },
  ],
  [
    "an employee without an id",
    { role: "employee" },
    { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "employee_id" } },
  ],
  [
    "an employee whose id is none",
    { role: "employee", employee_id: "7" },
    { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "employee_id" } },
  ],
  [
    "an employee of two tenants",
    { role: "employee", employee_id: crypto.randomUUID(), tenants: ["acme", "globex"] },
    { reason: "TOKEN_CLAIM_INVALID", metadata: { claim: "tenants" } },
  ],
])("a token with %s is refused", async (_, claims, expected) => {
  await expectRefused(await key.sign({ ...admin(), ...claims }), expected);
});

test("one of several audiences is enough", async () => {
  const token = await key.sign({ ...admin(), aud: ["https://other.test", "https://wellvault.test"] });
  await expect(list(token)).resolves.toBeDefined();
});

test("a token without a signature, or signed with the public key as a shared secret, is refused", async () => {
  const claims = payloadOf(await key.sign(admin()));
  const untrusted = { reason: "TOKEN_UNTRUSTED", metadata: { check: "algorithm" } };
  for (const alg of ["none", "None", "NONE"]) {
    await expectRefused(
      forge({ alg, kid: "one" }, claims, () => ""),
      untrusted,
    );
    await expectRefused(
      forge({ alg, kid: "one" }, claims, () => "signature"),
      untrusted,
    );
  }
  const publicKey = createPublicKey({ key: key.jwk as import("node:crypto").JsonWebKey, format: "jwk" });
  const secrets = [
    publicKey.export({ type: "spki", format: "pem" }),
    publicKey.export({ type: "spki", format: "der" }),
    JSON.stringify(key.jwk),
    await exportSPKI((await importJWK(key.jwk, "ES256")) as Parameters<typeof exportSPKI>[0]),
  ];
  for (const secret of secrets) {
    const digest = (text: string) => createHmac("sha256", secret).update(text).digest();
    await expectRefused(forge({ alg: "HS256", kid: "one" }, claims, digest), untrusted);
    await expectRefused(forge({ alg: "HS256" }, claims, digest), untrusted);
  }
});

test("a key that comes with the token is not believed", async () => {
  const own = await createKey("mine");
  const thumbprint = await calculateJwkThumbprint(own.jwk);
  const evil = await startJwks([own.jwk]);
  try {
    await expectRefused(await own.sign(admin(), { jwk: own.jwk }), { reason: "TOKEN_UNTRUSTED" });
    await expectRefused(await own.sign(admin(), { jku: evil.url }), { reason: "TOKEN_UNTRUSTED" });
    await expectRefused(await own.sign(admin(), { kid: thumbprint }), { reason: "TOKEN_UNTRUSTED" });
    await expectRefused(await own.sign(admin(), { kid: "../../dev/null" }), { reason: "TOKEN_UNTRUSTED" });
    await expectRefused(await own.sign(admin(), { kid: undefined }), { metadata: { check: "signature" } });
    expect(evil.asked()).toBe(0);
  } finally {
    await evil.close();
  }
});

test("an algorithm that is not listed is refused even with a key that is", async () => {
  const other = await createKey("two", "ES384");
  jwks.answer([key.jwk, other.jwk]);
  await expectRefused(await other.sign(admin()), { reason: "TOKEN_UNTRUSTED", metadata: { check: "algorithm" } });
});

test("a token that demands what is not understood is refused, though its key signed it", async () => {
  const claims = payloadOf(await key.sign(admin()));
  const signed = (header: object) =>
    forge({ alg: "ES256", kid: "one", ...header }, claims, (text) =>
      sign("sha256", Buffer.from(text), { key: KeyObject.from(key.privateKey), dsaEncoding: "ieee-p1363" }),
    );
  await expectRefused(signed({ crit: ["pinned"], pinned: true }), { reason: "TOKEN_UNTRUSTED" });
  await expectRefused(signed({ b64: false, crit: ["b64"] }), { reason: "TOKEN_MALFORMED" });
  await expect(list(signed({}))).resolves.toBeDefined();
});

test.each<[string, (token: string) => string]>([
  ["nothing in it", () => ""],
  ["a scheme alone", () => "Bearer"],
  ["a token without a scheme", (token) => token],
  ["another scheme", (token) => `Basic ${token}`],
  ["two tokens", (token) => `Bearer ${token}, Bearer ${token}`],
  ["two tokens after one scheme", (token) => `Bearer ${token} ${token}`],
  ["text that is no JWT", () => "Bearer secret"],
  ["two parts of three", (token) => `Bearer ${token.slice(0, token.lastIndexOf("."))}`],
  ["five parts", (token) => `Bearer ${token}.e30.e30`],
  ["parts that are no JSON", () => "Bearer AAAA.AAAA.AAAA"],
  ["a payload that is a list", (token) => `Bearer ${token.split(".")[0]}.W10.AAAA`],
  ["base64 of the wrong alphabet", (token) => `Bearer ${token.replace(".", "+.")}`],
  ["over 8 KiB", () => `Bearer ${"e30.".repeat(2)}${"A".repeat(8_192)}`],
])("authorization with %s is refused", async (_, authorization) => {
  const token = await key.sign(admin());
  const failure = await failureOf(
    service.clients.employees.listEmployees({}, { headers: { authorization: authorization(token) } }),
  );
  expect(failure).toMatchObject({ code: "Unauthenticated" });
  expect(["TOKEN_MALFORMED", "TOKEN_UNTRUSTED"]).toContain(failure.reason);
  await expect(list(token)).resolves.toBeDefined();
});

test("a token of nearly 8 KiB is taken, and one of more is not, though it is good", async () => {
  const large = await key.sign({ ...admin(), note: "x".repeat(6_500) });
  expect(large.length).toBeGreaterThan(8_192);
  await expectRefused(large, { reason: "TOKEN_MALFORMED" });
  const token = await key.sign({ ...admin(), note: "x".repeat(5_500) });
  expect(token.length).toBeGreaterThan(7_500);
  await expect(list(token)).resolves.toBeDefined();
});

test("an employee reaches the own values alone, and an administrator nobody's", async () => {
  const me = await setUp.hire("acme");
  const colleague = await setUp.hire("acme");
  const token = await key.sign(caller("employee", "acme", me.toUpperCase()));
  const read = (employeeId: string, by: string) =>
    service.clients.logs.listLogEntries({ employeeId }, withToken(by, "acme"));
  expect((await read(me, token)).entries).toEqual([]);
  expect(await failureOf(read(colleague, token))).toMatchObject({ code: "PermissionDenied", reason: "ACCESS_DENIED" });
  expect(await failureOf(read(me, await key.sign(admin())))).toMatchObject({ reason: "ACCESS_DENIED" });
});

test("platform services are let in without a tenant", async () => {
  const operator = await key.sign(caller("platform_operator"));
  await expect(service.clients.tenants.listTenants({}, withToken(operator))).resolves.toBeDefined();
  await expect(service.clients.tenants.listTenants({}, withToken(operator, "ignored"))).resolves.toBeDefined();
  expect(await refused(operator)).toMatchObject({ reason: "ACCESS_DENIED" });
});

test("what callers send fills no log", () => {
  expect(service.logLines).toEqual([]);
});

import { createHmac } from "node:crypto";
import { type CryptoKey, exportSPKI, importJWK, type JWTPayload } from "jose";
import { afterAll, beforeAll, expect } from "vitest";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { apiServices } from "../../src/rpc/services.ts";
import { openCaller } from "../support/callers.ts";
import { as, withToken } from "../support/clients.ts";
import { type RawHeader, sendFrames } from "../support/http2-frames.ts";
import { caller as claimsOf, createKey, forge, secondsFromNow } from "../support/tokens.ts";
import { type Attempt, attackSuite } from "./support/attack.ts";
import { describeFailure } from "./support/outcome.ts";
import { apiCalls, tenantCalls } from "./wire/calls.ts";
import { withCertificates } from "./wire/certificates.ts";
import { everyTenantCall } from "./wire/every-call.ts";
import { bearer, openIssuer } from "./wire/issuer.ts";
import { openStage, type Stage } from "./wire/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

/** How a call as JSON ended that was sent and answered in raw frames. */
function rawOutcome(frames: string): string {
  const code = /"code":"([a-z_]+)"/.exec(frames)?.[1];
  return code?.toUpperCase() ?? (frames.includes("{") ? "allowed" : "no answer");
}

/** Lists the employees by frames made by hand. */
async function listByFrames(headers: readonly RawHeader[]): Promise<string> {
  const path = `/${EmployeeService.typeName}/ListEmployees`;
  return await sendFrames(stage.address, path, [["content-type", "application/json"], ...headers]);
}

attack({
  id: "R01",
  title: "no credential, or what the development identity would believe",
  expected: "UNAUTHENTICATED",
  async run(attempt) {
    const methods = apiServices.flatMap((service) => service.methods.map(({ name }) => name)).sort();
    expect(apiCalls.map(({ name }) => name).sort()).toEqual(methods);
    await everyTenantCall(stage, attempt, () => undefined, stage.b, apiCalls);
    const claimed = as("company_admin", stage.b.tenantId);
    await everyTenantCall(stage, attempt, () => claimed, stage.b, apiCalls);
  },
});

attack({
  id: "R02",
  title: "a token for B that somebody else signed, or that was changed afterwards",
  expected: "UNAUTHENTICATED",
  async run(attempt) {
    const { key } = stage.issuer;
    const imposter = await createKey(key.kid);
    const claims = claimsOf("company_admin", stage.b.tenantId);
    await everyTenantCall(stage, attempt, async () => bearer(await imposter.sign(claims)));
    const [head, , signature] = (await key.sign(claimsOf("company_admin", stage.a.tenantId))).split(".");
    const [, payload] = (await imposter.sign(claims)).split(".");
    await everyTenantCall(stage, attempt, () => bearer(`${head}.${payload}.${signature}`));
    // The key that a token brings along is nobody's.
    const brought = await imposter.sign(claims, { jwk: imposter.jwk, kid: "brought" });
    await everyTenantCall(stage, attempt, () => bearer(brought));
  },
});

attack({
  id: "R03",
  title: "a token that is over, not good yet, or was issued too long ago",
  expected: "UNAUTHENTICATED",
  async run(attempt) {
    const claims = claimsOf("company_admin", stage.a.tenantId);
    for (const times of [
      { exp: secondsFromNow(-31) },
      { nbf: secondsFromNow(90), exp: secondsFromNow(300) },
      { iat: secondsFromNow(-90_000), exp: secondsFromNow(600) },
      { exp: undefined },
    ]) {
      const token = await stage.issuer.key.sign({ ...claims, ...times } as JWTPayload);
      await everyTenantCall(stage, attempt, () => bearer(token));
    }
  },
});

attack({
  id: "R04",
  title: "a token with the algorithm none, or signed by HMAC with the public key",
  expected: "UNAUTHENTICATED",
  async run(attempt) {
    const { key } = stage.issuer;
    const { payload } = await key
      .sign(claimsOf("company_admin", stage.b.tenantId))
      .then((token) => ({ payload: JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) }));
    const { kid } = key;
    const pem = await exportSPKI((await importJWK(key.jwk, key.alg)) as CryptoKey);
    const hmac = (secret: string) => (signed: string) => createHmac("sha256", secret).update(signed).digest();
    for (const token of [
      forge({ alg: "none", kid }, payload, () => ""),
      forge({ alg: "None", kid }, payload, () => ""),
      forge({ alg: "HS256", kid }, payload, hmac(pem)),
      forge({ alg: "HS256", kid }, payload, hmac(JSON.stringify(key.jwk))),
      forge({ alg: "ES256", kid }, payload, () => Buffer.alloc(64)),
    ]) {
      await everyTenantCall(stage, attempt, () => bearer(token));
    }
  },
});

attack({
  id: "R05",
  title: "A's token and B in the request",
  expected: "PERMISSION_DENIED",
  knows: () => [stage.b.marker],
  async run(attempt) {
    for (const badge of ["admin", "person", "ingest"] as const) {
      const onPlatform = apiCalls.filter(({ name }) => /Tenants?$/.test(name));
      await everyTenantCall(stage, attempt, () => stage.a.badges[badge], stage.b, onPlatform);
    }
  },
});

attack({
  id: "R06",
  title: "metadata sent twice: two tokens, two tenants, joined or apart",
  expected: "UNAUTHENTICATED",
  async run(attempt) {
    const own = ["authorization", stage.a.badges.admin.headers["authorization"] ?? ""] as const;
    const forged = ["authorization", `Bearer ${await (await createKey("first")).sign({})}`] as const;
    const [ofA, ofB] = [stage.a, stage.b].map(({ tenantId }) => ["x-tenant-id", tenantId] as const);
    if (!ofA || !ofB) throw new Error("unreachable: there are two companies");
    for (const headers of [
      [own, own],
      [own, forged],
      [forged, own],
      [own, ofA, ofB],
      [own, ofB, ofA],
      [own, ofA, ofA],
      [own, ["x-tenant-id", `${stage.a.tenantId},${stage.b.tenantId}`] as const],
      [["authorization", `${own[1]}, ${own[1]}`] as const],
    ]) {
      const what = headers.map(([name]) => name).join(" and ");
      await attempt(what, () => listByFrames(headers), rawOutcome);
    }
  },
});

attack({
  id: "R07",
  title: "B in the metadata, and only A in the token",
  expected: "PERMISSION_DENIED",
  async run(attempt) {
    const naming = (tenantId: string) => async (call: (typeof tenantCalls)[number]) => ({
      headers: { ...stage.a.badges[call.badge].headers, "x-tenant-id": tenantId },
    });
    await everyTenantCall(stage, attempt, naming(stage.b.tenantId), stage.b);
    // One that there is not is refused in the same words.
    const before = stage.failures.length;
    await everyTenantCall(stage, attempt, naming("never-was"), stage.b);
    const words = new Set(stage.failures.slice(before - tenantCalls.length).map(({ message }) => message));
    expect(words.size).toBe(1);
  },
});

attack({
  id: "R08",
  title: "odd spellings of a tenant's id, in the metadata and in the token",
  expected: "PERMISSION_DENIED",
  async run(attempt) {
    const list = apiCalls.filter(({ name }) => name === "ListEmployees");
    for (const id of [stage.a.tenantId, stage.b.tenantId]) {
      for (const odd of [
        id.toUpperCase(),
        id.replace("a", "A"),
        `${id}.`,
        `${id}/`,
        `./${id}`,
        `"${id}"`,
        `'${id}'--`,
        `${id}%00`,
        encodeURIComponent(id).replace("-", "%2d"),
        "*",
        "control",
      ]) {
        const headers = { ...stage.a.badges.admin.headers, "x-tenant-id": odd };
        await everyTenantCall(stage, attempt, () => ({ headers }), stage.a, list);
        if (odd === "*") continue;
        const token = await stage.issuer.key.sign(claimsOf("company_admin", [odd]));
        await everyTenantCall(stage, attempt, () => bearer(token, { "x-tenant-id": id }), stage.a, list);
        await everyTenantCall(stage, attempt, () => bearer(token), stage.a, list);
      }
      const authorization = stage.a.badges.admin.headers["authorization"] ?? "";
      for (const odd of [id.replace("-", "\u00ad"), id.replace("a", "\u00e0"), `${id}\u00a0`, `${id}\u0085`]) {
        const headers: RawHeader[] = [
          ["authorization", authorization],
          ["x-tenant-id", odd],
        ];
        await attempt(`raw ${odd}`, () => listByFrames(headers), rawOutcome);
      }
    }
  },
});

attack({
  id: "R30",
  title: "A's client certificate with B's token, from A itself and through a gateway of A",
  expected: "UNAUTHENTICATED, then PERMISSION_DENIED",
  async run(attempt) {
    await withCertificates(stage, async (connect) => {
      const ofB = await stage.issuer.key.sign(claimsOf("company_admin", stage.b.tenantId));
      const list = (uri: string) => async () => {
        const clients = await connect(uri);
        const call = stage.noted(clients.employees.listEmployees({}, withToken(ofB)));
        return await call.finally(() => clients.close());
      };
      const outcome = async (call: () => Promise<unknown>) => await call().then(() => "allowed", describeFailure);
      await attempt(
        "TLS",
        async () => [
          await outcome(list("spiffe://example.org/admin-of-a")),
          await outcome(list("spiffe://example.org/gateway-of-a")),
        ],
        (outcomes) => outcomes.join(", then "),
      );
      // The token alone is B's own caller, and the certificate alone is A's.
      const plain = await connect();
      expect((await plain.employees.listEmployees({}, withToken(ofB))).employees.length).toBe(2);
      plain.close();
      const own = await connect("spiffe://example.org/admin-of-a");
      expect((await own.employees.listEmployees({})).employees[0]?.displayName).toBe(`name-${stage.a.marker}`);
      own.close();
    });
  },
});

control({
  id: "R01",
  without: "verified credentials, by the development identity",
  effect: "reads B",
  run: (attempt) => readByDevelopmentIdentity(attempt),
});

control({
  id: "R02",
  without: "keys of the issuer alone, where the forger's key is among them",
  effect: "reads B",
  async run(attempt) {
    const imposter = await createKey("imposter");
    const issuer = await openIssuer();
    await issuer.publish([issuer.key, imposter]);
    const service = await stage.startAnother({}, issuer.settings);
    await issuer.close();
    const caller = openCaller(service.address, "grpc");
    const badge = bearer(await imposter.sign(claimsOf("company_admin", stage.b.tenantId)));
    await attempt("ListEmployees", () =>
      caller.call(EmployeeService.method.listEmployees, {}, badge).finally(() => caller.close()),
    );
  },
});

control({
  id: "R05",
  without: "verified credentials, by the development identity",
  effect: "reads B",
  async run(attempt) {
    const service = await stage.startAnother({}, { mode: "development", forced: false });
    const caller = openCaller(service.address, "grpc");
    const { tenantId } = stage.b;
    await attempt("GetTenant", () =>
      caller.call(TenantService.method.getTenant, { tenantId }, as("platform_operator")).finally(() => caller.close()),
    );
  },
});

control({
  id: "R07",
  without: "verified credentials, by the development identity",
  effect: "reads B",
  run: (attempt) => readByDevelopmentIdentity(attempt),
});

/** Lists B's employees by metadata alone. */
async function readByDevelopmentIdentity(attempt: Attempt): Promise<void> {
  const service = await stage.startAnother({}, { mode: "development", forced: false });
  const caller = openCaller(service.address, "grpc");
  const claimed = as("company_admin", stage.b.tenantId);
  await attempt("ListEmployees", () =>
    caller.call(EmployeeService.method.listEmployees, {}, claimed).finally(() => caller.close()),
  );
}

complete();

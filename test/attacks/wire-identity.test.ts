import { createHmac } from "node:crypto";
import { type CryptoKey, exportSPKI, importJWK, type JWTPayload } from "jose";
import { afterAll, beforeAll, expect } from "vitest";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { apiServices } from "../../src/rpc/services.ts";
import { openCaller } from "../support/callers.ts";
import { as, withToken } from "../support/clients.ts";
import { caller as claimsOf, createKey, forge, secondsFromNow } from "../support/tokens.ts";
import { attackSuite } from "./support/attack.ts";
import { describeFailure } from "./support/outcome.ts";
import { apiCalls } from "./wire/calls.ts";
import { withCertificates } from "./wire/certificates.ts";
import { readByDevelopmentIdentity } from "./wire/development.ts";
import { everyTenantCall } from "./wire/every-call.ts";
import { bearer, openIssuer } from "./wire/issuer.ts";
import { openStage, type Stage } from "./wire/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

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
  run: (attempt) => readByDevelopmentIdentity(stage, attempt),
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

complete();

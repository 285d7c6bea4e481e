import { X509Certificate } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { parseCertificateEntries } from "../../src/identity/certificate-entries.ts";
import { createCredentialIdentity } from "../../src/identity/credential-identity.ts";
import { createKeySet } from "../../src/identity/key-set.ts";
import type { Authenticate, PeerCertificate } from "../../src/identity/principal.ts";
import { createTokenVerifier } from "../../src/identity/token-verifier.ts";
import { createAuthority } from "../support/certificates.ts";
import { audience, caller, createKey, issuer, type TestKey } from "../support/tokens.ts";

const settings = {
  issuer,
  audience,
  algorithms: ["ES256"],
  keys: { file: "unused" },
  claims: { role: "role", tenants: "tenants", employeeId: "employee_id" },
  maxAgeS: 3_600,
};
const onWarning = () => undefined;

let key: TestKey;
let peer: PeerCertificate;
let authenticate: Authenticate;
beforeAll(async () => {
  key = await createKey("one");
  const { cert } = await (await createAuthority("authority")).issue({ hosts: ["gateway.example.org"] });
  peer = { certificate: new X509Certificate(cert), trusted: true };
  const gateway = { principal: "gateway", role: "coach", tenants: ["acme", "globex"], forwards: ["coach", "employee"] };
  const entries = parseCertificateEntries(JSON.stringify({ "dns:gateway.example.org": gateway }));
  const tokens = createTokenVerifier(settings, { keys: createKeySet([key.jwk]), onWarning });
  authenticate = createCredentialIdentity({ tokens, certificates: () => entries });
});

const bearer = (token: string) => ["Authorization", `Bearer ${token}`];

test("the principal says who acts, for whom it may, and who passed the call on", async () => {
  const token = await key.sign({ ...caller("coach", ["globex", "initech"]), sub: "coach-7" });
  const coach = { subject: "coach-7", role: "coach", employeeId: undefined };
  expect(await authenticate({ rawHeaders: bearer(token), peer: undefined })).toEqual({
    ...coach,
    tenants: ["globex", "initech"],
    via: undefined,
    namedTenantId: undefined,
  });
  expect(await authenticate({ rawHeaders: [...bearer(token), "X-Tenant-Id", "globex"], peer })).toEqual({
    ...coach,
    tenants: ["globex"],
    via: "gateway",
    namedTenantId: "globex",
  });
  expect(await authenticate({ rawHeaders: [], peer })).toMatchObject({ subject: "gateway", via: undefined });
});

test("a token that was verified while the keys changed is not remembered", async () => {
  let answer: ((found: Parameters<typeof createKeySet>[0]) => void) | undefined;
  const keys = {
    find: async (header: object) => {
      const jwks = await new Promise<Parameters<typeof createKeySet>[0]>((done) => (answer = done));
      return await createKeySet(jwks).find(header as { alg: string });
    },
  };
  const verifier = createTokenVerifier(settings, { keys, onWarning });
  const token = await key.sign(caller("coach", "acme"));
  const verify = async (change: boolean, known: Parameters<typeof createKeySet>[0]) => {
    const verifying = verifier.verify(token);
    await new Promise((done) => setImmediate(done));
    if (change) verifier.forget();
    answer?.(known);
    return await verifying;
  };
  await expect(verify(true, [key.jwk])).resolves.toMatchObject({ role: "coach" });
  await expect(verify(false, [])).rejects.toThrow(/not trusted here/);
  // The control: verified in quiet, it is remembered, and no key is asked for.
  await expect(verify(false, [key.jwk])).resolves.toMatchObject({ role: "coach" });
  await expect(verify(false, [])).resolves.toMatchObject({ role: "coach" });
});

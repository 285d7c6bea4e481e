import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import {
  type CertificateContents,
  createAuthority,
  type TestAuthority,
  type TestCertificate,
} from "../support/certificates.ts";
import { as, type Clients, openClients, protocols, withToken } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { openGrpcJsCaller } from "../support/grpc-js.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { caller, createKey, type JwksServer, startJwks, type TestKey, tokenSettings } from "../support/tokens.ts";

let setUp: TestService;
let service: TestService;
let jwks: JwksServer;
let key: TestKey;
let authority: TestAuthority;
let folder: string;
let address: string;
let me: string;
beforeAll(async () => {
  key = await createKey("one");
  jwks = await startJwks([key.jwk]);
  setUp = await startTestService();
  for (const tenant of ["acme", "globex"]) await setUp.provision(tenant);
  me = await setUp.hire("acme", "OF-ACME");
  await setUp.hire("globex", "OF-GLOBEX");
  authority = await createAuthority("authority");
  folder = await mkdtemp(join(tmpdir(), "wellvault-certificates-"));
  const own = await authority.issue({ hosts: ["localhost"], addresses: ["127.0.0.1"] });
  const entries = {
    "spiffe://example.org/admin": { principal: "admin-of-acme", role: "company_admin", tenants: "acme" },
    "spiffe://example.org/ingest": { principal: "ingest", role: "ingest_service", tenants: "*" },
    "spiffe://example.org/me": { principal: "me", role: "employee", tenants: "acme", employee_id: me },
    "dns:gateway.example.org": {
      principal: "gateway",
      role: "coach",
      tenants: ["acme"],
      forwards: ["employee", "company_admin"],
    },
    "dns:other.example.org": { principal: "other", role: "coach", tenants: ["globex"] },
  };
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const settings = tokenSettings({
    WELLVAULT_JWKS_URL: jwks.url,
    WELLVAULT_TLS_CERT_FILE: await file("server.pem", own.cert),
    WELLVAULT_TLS_KEY_FILE: await file("server.key", own.key),
    WELLVAULT_TLS_CLIENT_CA_FILE: await file("ca.pem", authority.cert),
    WELLVAULT_CERTIFICATES_FILE: await file("entries.json", JSON.stringify(entries)),
  });
  service = await startTestService({}, setUp.database, settings);
  address = service.address.replace("127.0.0.1", "localhost");
});
afterAll(async () => {
  await service.close();
  await setUp.close();
  await jwks.close();
  await rm(folder, { recursive: true, force: true });
});

let open: Clients[] = [];
afterEach(() => {
  for (const clients of open) clients.close();
  open = [];
});

function connect(own?: TestCertificate, protocol: (typeof protocols)[number] = "grpc"): Clients {
  const clients = openClients(address, protocol, { ca: authority.cert, ...own });
  open.push(clients);
  return clients;
}

async function withCertificate(contents: CertificateContents, by: TestAuthority = authority): Promise<Clients> {
  return connect(await by.issue(contents));
}

async function roster(clients: Clients, token?: string, tenantId?: string): Promise<string[]> {
  const options =
    token === undefined ? { headers: tenantId ? { "x-tenant-id": tenantId } : {} } : withToken(token, tenantId);
  const { employees } = await clients.employees.listEmployees({}, options);
  return employees.map((employee) => employee.externalId);
}

const admin = { uris: ["spiffe://example.org/admin"] };
const gateway = { hosts: ["gateway.example.org"] };

test.each(protocols)("a certificate acts as its entry by %s", async (protocol) => {
  const clients = connect(await authority.issue(admin), protocol);
  expect(await roster(clients)).toEqual(["OF-ACME"]);
  expect(await failureOf(roster(clients, undefined, "globex"))).toMatchObject({ reason: "TENANT_DENIED" });
});

test("grpc-js is let in by its certificate, by a token, and by neither not", async () => {
  const own = await authority.issue(admin);
  const callers = [openGrpcJsCaller(address, { tls: { ca: authority.cert, ...own } })];
  const bare = openGrpcJsCaller(address, { tls: { ca: authority.cert } });
  callers.push(bare);
  try {
    const { listEmployees } = EmployeeService.method;
    const { employees } = await (callers[0] ?? bare).call(listEmployees, {});
    expect(employees.map((employee) => employee.externalId)).toEqual(["OF-ACME"]);
    const token = await key.sign(caller("company_admin", "acme"));
    await expect(bare.call(listEmployees, {}, withToken(token))).resolves.toBeDefined();
    expect(await failureOf(bare.call(listEmployees, {}))).toMatchObject({ reason: "IDENTITY_MISSING" });
  } finally {
    for (const one of callers) one.close();
  }
});

test("an employee's certificate reaches the own values, and one for all tenants must name one", async () => {
  const clients = await withCertificate({ uris: ["spiffe://example.org/me"] });
  expect((await clients.logs.listLogEntries({ employeeId: me })).entries).toEqual([]);
  const someone = failureOf(clients.logs.listLogEntries({ employeeId: crypto.randomUUID() }));
  expect(await someone).toMatchObject({ reason: "ACCESS_DENIED" });
  const ingest = await withCertificate({ uris: ["spiffe://example.org/ingest"] });
  expect(await failureOf(roster(ingest))).toMatchObject({ reason: "TENANT_MISSING" });
  expect(await roster(ingest, undefined, "globex")).toEqual(["OF-GLOBEX"]);
});

test("without a certificate a token is enough, and without either there is no identity", async () => {
  const clients = connect();
  expect(await roster(clients, await key.sign(caller("company_admin", "acme")))).toEqual(["OF-ACME"]);
  const { headers } = as("company_admin", "acme");
  const failure = await failureOf(clients.employees.listEmployees({}, { headers }));
  expect(failure).toMatchObject({ code: "Unauthenticated", reason: "IDENTITY_MISSING" });
  expect((await clients.health.check({})).status).toBe(1);
});

test.each<[string, CertificateContents, string]>([
  ["an unknown SPIFFE id", { uris: ["spiffe://example.org/stranger"] }, "entry"],
  ["a longer path", { uris: ["spiffe://example.org/admin/more"] }, "entry"],
  ["capitals in its path", { uris: ["spiffe://example.org/Admin"] }, "entry"],
  ["another trust domain", { uris: ["spiffe://example.com/admin"] }, "entry"],
  ["an escaped path", { uris: ["spiffe://example.org/%61dmin"] }, "entry"],
  ["two SPIFFE ids", { uris: ["spiffe://example.org/admin", "spiffe://example.org/ingest"] }, "name"],
  ["the same SPIFFE id twice", { uris: ["spiffe://example.org/admin", "spiffe://example.org/admin"] }, "name"],
  ["a SPIFFE id and another URI", { uris: ["spiffe://example.org/admin", "https://example.org"] }, "name"],
  ["another URI and a known host", { uris: ["https://example.org"], hosts: ["gateway.example.org"] }, "name"],
  ["an unknown SPIFFE id and a known host", { uris: ["spiffe://example.org/x"], ...gateway }, "entry"],
  ["no name", {}, "name"],
  ["an address only", { addresses: ["127.0.0.1"] }, "name"],
  ["an unknown host", { hosts: ["gateway.example.com"] }, "entry"],
  ["a wildcard", { hosts: ["*.example.org"] }, "entry"],
  ["the names of two callers", { hosts: ["gateway.example.org", "other.example.org"] }, "entry"],
  ["a name that pretends to be two", { hosts: ["x, URI:spiffe://example.org/admin"] }, "name"],
  ["the rights of an authority", { ...admin, ca: true }, "trust"],
  ["the purpose of a server only", { ...admin, usages: ["1.3.6.1.5.5.7.3.1"] }, "trust"],
  ["an end in the past", { ...admin, untilS: -1 }, "time"],
  ["a start in the future", { ...admin, fromS: 1_000, untilS: 2_000 }, "time"],
])("a certificate with %s is refused, even with a good token", async (_, contents, check) => {
  const clients = await withCertificate(contents);
  const expected = { code: "Unauthenticated", reason: "CERTIFICATE_REFUSED", metadata: { check } };
  expect(await failureOf(roster(clients))).toMatchObject(expected);
  const token = await key.sign(caller("company_admin", "acme"));
  expect(await failureOf(roster(clients, token))).toMatchObject(expected);
  expect(await roster(await withCertificate(admin))).toEqual(["OF-ACME"]);
});

test("a certificate of another authority is refused, though it has the name of a known one", async () => {
  const impostor = await createAuthority("authority");
  const clients = await withCertificate(admin, impostor);
  const token = await key.sign(caller("company_admin", "acme"));
  for (const call of [roster(clients), roster(clients, token)]) {
    expect(await failureOf(call)).toMatchObject({ reason: "CERTIFICATE_REFUSED", metadata: { check: "trust" } });
  }
});

test("a host's name is taken in capitals, and beside names that are not known", async () => {
  expect(await roster(await withCertificate({ hosts: ["GATEWAY.example.org", "gw.local"] }))).toEqual(["OF-ACME"]);
});

test("a certificate that ends while its connection lives is refused from then on", async () => {
  const clients = await withCertificate({ ...admin, untilS: 2 });
  expect(await roster(clients)).toEqual(["OF-ACME"]);
  const reason = async () =>
    await roster(clients).then(
      () => "taken",
      async (error: unknown) => (await failureOf(Promise.reject(error))).metadata["check"],
    );
  await expect.poll(reason, { timeout: 15_000, interval: 200 }).toBe("time");
});

test("certificate and token of the same caller agree; the tenant must be allowed by both", async () => {
  const clients = await withCertificate(admin);
  const sign = (tenants: string | string[], sub = "admin-of-acme") =>
    key.sign({ ...caller("company_admin", tenants), sub });
  expect(await roster(clients, await sign("acme"))).toEqual(["OF-ACME"]);
  expect(await roster(clients, await sign(["acme", "globex"]))).toEqual(["OF-ACME"]);
  expect(await failureOf(roster(clients, await sign("globex")))).toMatchObject({ reason: "TENANT_DENIED" });
  expect(await failureOf(roster(clients, await sign(["acme", "globex"]), "globex"))).toMatchObject({
    reason: "TENANT_DENIED",
  });
});

test("the certificate of one caller with the token of another is refused", async () => {
  const clients = await withCertificate(admin);
  const expected = { code: "Unauthenticated", reason: "CREDENTIALS_DISAGREE", metadata: { key: "authorization" } };
  const others = [
    { ...caller("company_admin", "acme"), sub: "admin-of-globex" },
    { ...caller("company_admin", "globex"), sub: "admin-of-globex" },
    { ...caller("coach", "acme"), sub: "admin-of-acme" },
    { ...caller("employee", "acme", me), sub: "admin-of-acme" },
  ];
  for (const claims of others) expect(await failureOf(roster(clients, await key.sign(claims)))).toMatchObject(expected);
  const mine = await withCertificate({ uris: ["spiffe://example.org/me"] });
  const colleague = { ...caller("employee", "acme", crypto.randomUUID()), sub: "me" };
  expect(await failureOf(roster(mine, await key.sign(colleague)))).toMatchObject(expected);
});

test("a gateway passes on the calls of the roles that it may, for its own tenants", async () => {
  const clients = await withCertificate(gateway);
  const employee = await key.sign(caller("employee", "acme", me));
  expect((await clients.logs.listLogEntries({ employeeId: me }, withToken(employee))).entries).toEqual([]);
  const foreign = failureOf(clients.logs.listLogEntries({ employeeId: crypto.randomUUID() }, withToken(employee)));
  expect(await foreign).toMatchObject({ reason: "ACCESS_DENIED" });
  expect(await failureOf(roster(clients, await key.sign(caller("company_admin", "globex"))))).toMatchObject({
    code: "PermissionDenied",
    reason: "TENANT_DENIED",
  });
  expect(await failureOf(roster(clients, await key.sign(caller("auditor"))))).toMatchObject({
    reason: "CREDENTIALS_DISAGREE",
  });
});

test("a bad token beside a good certificate is refused", async () => {
  const clients = await withCertificate(admin);
  const impostor = await createKey("one");
  const token = await impostor.sign({ ...caller("company_admin", "acme"), sub: "admin-of-acme" });
  expect(await failureOf(roster(clients, token))).toMatchObject({ reason: "TOKEN_UNTRUSTED" });
});

test("none of this fills the log", () => {
  expect(service.logLines).toEqual([]);
});

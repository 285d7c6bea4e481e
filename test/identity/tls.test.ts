import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createAuthority, type TestAuthority } from "../support/certificates.ts";
import { type Clients, openClients } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { tokenSettings } from "../support/tokens.ts";
import { openSocket, received } from "../support/wire.ts";

let setUp: TestService;
let authority: TestAuthority;
let folder: string;
beforeAll(async () => {
  setUp = await startTestService();
  await setUp.provision("acme");
  authority = await createAuthority("authority");
  folder = await mkdtemp(join(tmpdir(), "wellvault-tls-"));
});
afterAll(async () => {
  await setUp.close();
  await rm(folder, { recursive: true, force: true });
});

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

const admin = { uris: ["spiffe://example.org/admin"] };
const hosts = { hosts: ["localhost"], addresses: ["127.0.0.1"] };
const entry = { principal: "admin", role: "company_admin", tenants: "acme" };
const path = (name: string) => join(folder, name);

async function writeServer(contents: object = {}): Promise<void> {
  const { cert, key } = await authority.issue({ ...hosts, ...contents });
  await writeFile(path("server.key"), key);
  await writeFile(path("server.pem"), cert);
}

async function start(watchMs = 60_000): Promise<TestService> {
  await writeServer();
  await writeFile(path("ca.pem"), authority.cert);
  await writeFile(path("entries.json"), JSON.stringify({ [admin.uris[0] ?? ""]: entry }));
  const settings = tokenSettings({
    WELLVAULT_JWT_ISSUER: "",
    WELLVAULT_JWT_AUDIENCE: "",
    WELLVAULT_JWT_ALGORITHMS: "",
    WELLVAULT_TLS_CERT_FILE: path("server.pem"),
    WELLVAULT_TLS_KEY_FILE: path("server.key"),
    WELLVAULT_TLS_CLIENT_CA_FILE: path("ca.pem"),
    WELLVAULT_CERTIFICATES_FILE: path("entries.json"),
  });
  const service = await startTestService({}, setUp.database, settings, { watchMs });
  closing.push(() => service.close());
  return service;
}

async function open(service: TestService, by = authority): Promise<Clients> {
  const own = await by.issue(admin);
  const clients = openClients(service.address.replace("127.0.0.1", "localhost"), "grpc", {
    ca: authority.cert,
    ...own,
  });
  closing.push(() => clients.close());
  return clients;
}

async function outcome(clients: Clients): Promise<string> {
  return await clients.employees.listEmployees({}).then(
    () => "taken",
    async (error: unknown) => (await failureOf(Promise.reject(error))).reason,
  );
}

/** Shakes hands and returns the connection, or fails with the reason of the refusal. */
function shakeHands(service: TestService, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const port = Number(new URL(service.address).port);
  return new Promise((done, fail) => {
    const socket: TLSSocket = connectTls(
      { host: "127.0.0.1", port, servername: "localhost", ca: authority.cert, ALPNProtocols: ["h2"], ...options },
      () => done(socket),
    );
    socket.on("error", fail);
    closing.push(() => socket.destroy());
  });
}

/** The serial number of the certificate that the service shows. */
async function shownSerial(service: TestService): Promise<string> {
  const socket = await shakeHands(service);
  return socket.getPeerCertificate().serialNumber;
}

test("a service of certificates alone takes no token, and says what to do", async () => {
  const service = await start();
  expect(service.address).toMatch(/^https:/);
  expect(await outcome(await open(service))).toBe("taken");
  const bare = openClients(service.address.replace("127.0.0.1", "localhost"), "grpc", { ca: authority.cert });
  closing.push(() => bare.close());
  const failure = await failureOf(bare.employees.listEmployees({}));
  expect(failure).toMatchObject({ code: "Unauthenticated", reason: "IDENTITY_MISSING" });
  expect(failure.message).toContain("client certificate");
  const headers = { authorization: "Bearer e30.e30.AAAA" };
  const withBoth = await failureOf((await open(service)).employees.listEmployees({}, { headers }));
  expect(withBoth).toMatchObject({ reason: "TOKEN_MALFORMED" });
});

test("both protocols are spoken by ALPN, and nothing below TLS 1.2", async () => {
  const service = await start();
  expect((await shakeHands(service, { ALPNProtocols: ["h2", "http/1.1"] })).alpnProtocol).toBe("h2");
  expect((await shakeHands(service, { ALPNProtocols: ["http/1.1"] })).alpnProtocol).toBe("http/1.1");
  expect((await shakeHands(service, { maxVersion: "TLSv1.2" })).getProtocol()).toBe("TLSv1.2");
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  await expect(shakeHands(service, old)).rejects.toThrow();
  await expect(shakeHands(service, { ALPNProtocols: ["smtp"] })).rejects.toThrow();
});

test("a connection that does not speak TLS is ended and does no harm", async () => {
  const service = await start();
  for (const greeting of ["GET / HTTP/1.1\r\nHost: test\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) {
    const socket = await openSocket(service.address);
    socket.write(greeting);
    expect(await received(socket)).not.toContain("HTTP/1.1");
  }
  expect(await outcome(await open(service))).toBe("taken");
});

test("a session is not resumed, so that a certificate is checked at every connection", async () => {
  const service = await start();
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const options = { minVersion: version, maxVersion: version };
    const first = await shakeHands(service, options);
    const sessions: Buffer[] = [];
    first.on("session", (session) => sessions.push(session));
    const last = first.getSession();
    if (last) sessions.push(last);
    await new Promise((done) => setTimeout(done, 50));
    for (const session of sessions) {
      expect((await shakeHands(service, { ...options, session })).isSessionReused()).toBe(false);
    }
    expect(sessions.length).toBeGreaterThan(0);
  }
});

test("a renewed certificate is shown without a restart, and connections go on", async () => {
  const service = await start(20);
  const clients = await open(service);
  expect(await outcome(clients)).toBe("taken");
  const before = await shownSerial(service);
  await writeServer();
  await expect.poll(() => shownSerial(service), { timeout: 10_000 }).not.toBe(before);
  expect(await outcome(clients)).toBe("taken");
  expect(await outcome(await open(service))).toBe("taken");
});

test("a certificate without its key is not taken; the former one stays until the key is there", async () => {
  const service = await start();
  const before = await shownSerial(service);
  const next = await authority.issue(hosts);
  await writeFile(path("server.pem"), next.cert);
  await service.reload();
  expect(service.logLines.join("")).toContain("WELLVAULT_TLS_CERT_FILE");
  expect(await shownSerial(service)).toBe(before);
  await writeFile(path("server.key"), next.key);
  await service.reload();
  expect(await shownSerial(service)).not.toBe(before);
  expect(service.logLines.join("")).not.toContain("PRIVATE KEY");
});

test("an authority that is taken out is believed no more, by open connections too", async () => {
  const service = await start();
  const clients = await open(service);
  expect(await outcome(clients)).toBe("taken");
  const successor = await createAuthority("successor");
  await writeFile(path("ca.pem"), successor.cert);
  await service.reload();
  await expect.poll(() => outcome(clients), { timeout: 10_000 }).toBe("CERTIFICATE_REFUSED");
  expect(await outcome(await open(service, successor))).toBe("taken");
});

test("an entry that is taken out is believed no more, by open connections too", async () => {
  const service = await start();
  const clients = await open(service);
  expect(await outcome(clients)).toBe("taken");
  await writeFile(path("entries.json"), "{}");
  await service.reload();
  expect(await outcome(clients)).toBe("CERTIFICATE_REFUSED");
  await writeFile(path("entries.json"), JSON.stringify({ [admin.uris[0] ?? ""]: entry }));
  await service.reload();
  expect(await outcome(clients)).toBe("taken");
});

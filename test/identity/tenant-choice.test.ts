import { afterAll, beforeAll, expect, test } from "vitest";
import { withToken } from "../support/clients.ts";
import { type CallFailure, failureOf } from "../support/errors.ts";
import { type RawHeader, sendFrames } from "../support/http2-frames.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { caller, createKey, type JwksServer, startJwks, type TestKey, tokenSettings } from "../support/tokens.ts";
import { openSocket, received } from "../support/wire.ts";

let setUp: TestService;
let service: TestService;
let jwks: JwksServer;
let key: TestKey;
let ofAcme: string;
let ofBoth: string;
let ofAll: string;
beforeAll(async () => {
  key = await createKey("one");
  jwks = await startJwks([key.jwk]);
  setUp = await startTestService();
  for (const tenant of ["acme", "globex", "sleepy"]) await setUp.provision(tenant);
  await setUp.hire("acme", "OF-ACME");
  await setUp.hire("globex", "OF-GLOBEX");
  await setUp.database.admin.query("update control.companies set state = 'SUSPENDED' where tenant_id = 'sleepy'");
  service = await startTestService({}, setUp.database, tokenSettings({ WELLVAULT_JWKS_URL: jwks.url }));
  ofAcme = await key.sign(caller("company_admin", "acme"));
  ofBoth = await key.sign(caller("coach", ["acme", "globex", "sleepy", "never-was"]));
  ofAll = await key.sign(caller("ingest_service", "*"));
});
afterAll(async () => {
  await service.close();
  await setUp.close();
  await jwks.close();
});

/** Whose roster a call was answered with. */
async function roster(token: string, tenantId?: string): Promise<string[]> {
  const { employees } = await service.clients.employees.listEmployees({}, withToken(token, tenantId));
  return employees.map((employee) => employee.externalId);
}
const refused = async (token: string, tenantId?: string): Promise<CallFailure> =>
  await failureOf(roster(token, tenantId));

const denied = { code: "PermissionDenied", reason: "TENANT_DENIED", metadata: {} };
const missing = { code: "Unauthenticated", reason: "TENANT_MISSING" };

const path = "/wellvault.v1.EmployeeService/ListEmployees";

/** Sends a call by HTTP/1.1 with headers as they are, and returns the reason it was refused for, or "taken". */
async function byHttp1(headers: readonly RawHeader[]): Promise<string> {
  const socket = await openSocket(service.address);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n` +
      `Connection: close\r\n${lines}\r\n{}`,
  );
  return reasonIn(await received(socket));
}

async function byHttp2(headers: readonly RawHeader[]): Promise<string> {
  const grpc: RawHeader = ["content-type", "application/json"];
  return reasonIn(await sendFrames(service.address, path, [grpc, ...headers]));
}

function reasonIn(answer: string): string {
  return /"reason":"([A-Z_]+)"/.exec(answer)?.[1] ?? "taken";
}

test("a token of one tenant needs no x-tenant-id, and may name its own", async () => {
  expect(await roster(ofAcme)).toEqual(["OF-ACME"]);
  expect(await roster(ofAcme, "acme")).toEqual(["OF-ACME"]);
});

test("a token of several tenants, or of all, must name one, and gets that one", async () => {
  for (const token of [ofBoth, ofAll]) {
    expect(await refused(token)).toMatchObject(missing);
    expect(await refused(token, "")).toMatchObject(missing);
    expect(await roster(token, "acme")).toEqual(["OF-ACME"]);
    expect(await roster(token, "globex")).toEqual(["OF-GLOBEX"]);
  }
});

test("a list that holds * alone is all tenants", async () => {
  expect(await roster(await key.sign(caller("ingest_service", ["*"])), "globex")).toEqual(["OF-GLOBEX"]);
});

test("a tenant that is not in the token, is suspended or never was is refused in the same words", async () => {
  const failures = [
    await refused(ofAcme, "globex"),
    await refused(ofAcme, "sleepy"),
    await refused(ofAcme, "never-was"),
    await refused(ofBoth, "sleepy"),
    await refused(ofBoth, "never-was"),
    await refused(ofAll, "sleepy"),
    await refused(ofAll, "never-was"),
    await refused(await key.sign(caller("company_admin", "sleepy"))),
    await refused(await key.sign(caller("company_admin", "never-was"))),
  ];
  expect(failures[0]).toMatchObject(denied);
  for (const failure of failures) expect(failure).toEqual(failures[0]);
});

test.each([
  "ACME",
  "Acme",
  "acme%20",
  "%61cme",
  "acme/",
  "./acme",
  "acme;globex",
  "acme|globex",
  "*",
  "acme\u00a0",
  "\u00e0cme",
  "acme'--",
  "undefined",
  "null",
  "__proto__",
  "constructor",
  "v_0123456789abcdef",
])("the id %j is no spelling of acme", async (spelling) => {
  for (const token of [ofAcme, ofAll]) {
    const named = (id: string): RawHeader[] => [
      ["authorization", `Bearer ${token}`],
      ["x-tenant-id", id],
    ];
    expect(await byHttp1(named(spelling))).toBe("TENANT_DENIED");
    expect(await byHttp2(named(spelling))).toBe("TENANT_DENIED");
    expect(await byHttp1(named("acme"))).toBe("taken");
  }
});

test.each([
  ["HTTP/1.1", byHttp1],
  ["HTTP/2", byHttp2],
])("metadata that is sent twice by %s is refused, the same value too", async (_, send) => {
  const bearer = (token: string): RawHeader => ["authorization", `Bearer ${token}`];
  const tenant = (id: string): RawHeader => ["x-tenant-id", id];
  expect(await send([bearer(ofBoth), bearer(ofBoth), tenant("acme")])).toBe("TOKEN_MALFORMED");
  expect(await send([bearer(ofBoth), bearer(ofAcme), tenant("acme")])).toBe("TOKEN_MALFORMED");
  expect(await send([bearer(ofBoth), ["authorization", ""], tenant("acme")])).toBe("TOKEN_MALFORMED");
  expect(await send([bearer(ofBoth), tenant("acme"), tenant("globex")])).toBe("TENANT_MISSING");
  expect(await send([bearer(ofBoth), tenant("acme"), tenant("acme")])).toBe("TENANT_MISSING");
  expect(await send([bearer(ofBoth), tenant("acme,globex")])).toBe("TENANT_MISSING");
  expect(await send([bearer(ofBoth), tenant("acme"), tenant("")])).toBe("TENANT_MISSING");
  expect(await send([bearer(ofAcme), ["x-role", "company_admin"], ["x-role", "company_admin"]])).toBe(
    "CREDENTIALS_DISAGREE",
  );
  // The controls: once is enough. An empty body of gRPC is the only thing wrong with these.
  expect(["taken", "REQUEST_MALFORMED"]).toContain(await send([bearer(ofBoth), tenant("acme")]));
  expect(["taken", "REQUEST_MALFORMED"]).toContain(await send([bearer(ofAcme), ["x-role", "company_admin"]]));
});

test.each<[string, RawHeader, string]>([
  ["another role", ["x-role", "platform_operator"], "CREDENTIALS_DISAGREE"],
  ["the role of the token", ["x-role", "company_admin"], "taken"],
  ["an empty role", ["x-role", ""], "CREDENTIALS_DISAGREE"],
  ["an employee's id", ["x-employee-id", crypto.randomUUID()], "CREDENTIALS_DISAGREE"],
])("development metadata with %s is compared and never believed", async (_, header, expected) => {
  expect(await byHttp1([["authorization", `Bearer ${ofAcme}`], header])).toBe(expected);
});

test("x-employee-id is compared with the employee of the token", async () => {
  const me = await setUp.hire("acme");
  const token = await key.sign(caller("employee", "acme", me));
  const call = (id: string) =>
    failureOf(
      service.clients.logs.getLogEntry(
        { employeeId: me, entryId: "none" },
        { headers: { authorization: `Bearer ${token}`, "x-employee-id": id } },
      ),
    );
  expect(await call(me.toUpperCase())).toMatchObject({ code: "NotFound" });
  expect(await call(crypto.randomUUID())).toMatchObject({ reason: "CREDENTIALS_DISAGREE" });
});

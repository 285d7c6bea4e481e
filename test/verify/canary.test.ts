import { createClient, type Transport } from "@connectrpc/connect";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { openInProcessAccess } from "../../src/rpc/in-process.ts";
import { canaryTenantId } from "../../src/tenancy/canary-id.ts";
import { openControlStore } from "../../src/tenancy/control-store.ts";
import { createTenantDirectory } from "../../src/tenancy/directory.ts";
import { openTenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { type AuditorConnection, openAuditorConnection } from "../../src/verify/auditor-connection.ts";
import type { ServiceAccess } from "../../src/verify/canary-service.ts";
import { readCompanies } from "../../src/verify/companies.ts";
import { drawTenants, verifyCanary } from "../../src/verify/verify-canary.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let connection: AuditorConnection;
let tokens: ReturnType<typeof createTenantTokens>;
let openAccess: (canary: TenantEntry) => ServiceAccess;
let canary: string;
let closePlanes: () => Promise<unknown>;
const urlOf = (login: string) => loginUrl(service.database.url, login, undefined);

beforeAll(async () => {
  service = await startTestService();
  for (const tenant of ["tenant-a", "tenant-b", "tenant-c"]) {
    await service.provision(tenant);
    await service.hire(tenant);
  }
  connection = await openAuditorConnection(urlOf("wellvault_auditor"));
  canary = (await readCompanies(connection)).canary?.vault ?? "";
  tokens = createTenantTokens(deriveTokenKey(decodeURIComponent(new URL(service.database.url).password)));
  const onWarning = () => undefined;
  const store = openControlStore({ url: urlOf("wellvault_control"), onWarning });
  const sessions = openTenantSessions({
    urlOf,
    loginCount: 1,
    tokens,
    poolSize: 1,
    entities: [EmployeeEntity],
    onWarning,
  });
  const parts = { store, sessions, directory: createTenantDirectory(store) };
  openAccess = (entry) => openInProcessAccess(parts, entry, pino({ level: "silent" }));
  closePlanes = () => {
    parts.directory.close();
    return Promise.all([sessions.close(), store.close()]);
  };
});
afterAll(async () => {
  await connection?.close();
  await closePlanes?.();
  await service?.close();
});

async function look(access = openAccess) {
  return await verifyCanary(connection, { urlOf, tokens, openAccess: access, onProgress: () => undefined });
}

/** Which checks found something, with the tenants that it was found for. */
async function found(access = openAccess): Promise<Record<string, (string | null)[]>> {
  const { checks } = await look(access);
  const failed = checks.filter((check) => check.result !== "passed");
  return Object.fromEntries(
    failed.map((check) => [check.id, [...new Set(check.findings.map((finding) => finding.tenantId))]]),
  );
}

const everybody = ["tenant-a", "tenant-b", "tenant-c"];

test("nobody sees the canary but itself", async () => {
  const { checks, canary: sample } = await look();
  expect(checks.map(({ id, result, examined }) => [id, result, examined])).toEqual([
    ["canary-control", "passed", 6],
    ["canary-refused", "passed", 3],
    ["canary-token", "passed", 3],
    ["canary-service", "passed", 4 * 14],
  ]);
  expect(sample).toMatchObject({ tenants: 3, called: everybody });
});

describe("with a wall taken down it is seen", () => {
  async function without(down: string, up: string, expected: Record<string, string[]>): Promise<void> {
    await service.database.admin.query(down.replaceAll("{}", canary));
    try {
      expect(await found()).toEqual(expected);
    } finally {
      await service.database.admin.query(up.replaceAll("{}", canary));
    }
    expect(await found()).toEqual({});
  }

  test("rights for everybody", async () => {
    await without(
      "grant usage on schema {} to public; grant select on all tables in schema {} to public",
      "revoke usage on schema {} from public; revoke select on all tables in schema {} from public",
      { "canary-refused": everybody },
    );
  });

  test("rights for one vault in one table", async () => {
    const { others } = await readCompanies(connection);
    const vault = others.find(({ tenantId }) => tenantId === "tenant-b")?.vault;
    await without(
      `grant usage on schema {} to ${vault}; grant select on {}.samples to ${vault}`,
      `revoke usage on schema {} from ${vault}; revoke select on {}.samples from ${vault}`,
      { "canary-refused": ["tenant-b"] },
    );
  });

  test("rights for one vault", async () => {
    const { others } = await readCompanies(connection);
    const vault = others.find(({ tenantId }) => tenantId === "tenant-b")?.vault;
    await without(
      `grant usage on schema {} to ${vault}; grant select on all tables in schema {} to ${vault}`,
      `revoke usage on schema {} from ${vault}; revoke select on all tables in schema {} from ${vault}`,
      { "canary-refused": ["tenant-b"] },
    );
  });

  test("row level security off for one table", async () => {
    await without(
      "alter table {}.samples disable row level security",
      "alter table {}.samples enable row level security",
      { "canary-token": everybody },
    );
  });

  test("a guard that says yes", async () => {
    const { rows } = await service.database.admin.query<{ text: string }>(
      `select string_agg(pg_get_functiondef(oid), ';') as text
       from pg_proc where oid = any ('{guard.ok(uuid), guard.is_admitted(uuid)}'::regprocedure[])`,
    );
    await without(
      `create or replace function guard.ok(company uuid) returns timestamptz language sql stable as 'select now()';
       create or replace function guard.is_admitted(company uuid) returns boolean language sql stable as 'select true'`,
      rows[0]?.text ?? "",
      { "canary-token": everybody },
    );
  });

  test("a service that mixes tenants up", async () => {
    const mixed = (entry: TenantEntry): ServiceAccess => {
      const access = openAccess(entry);
      return {
        ...access,
        as: (caller) => access.as(caller.tenantId === "tenant-c" ? { ...caller, tenantId: canaryTenantId } : caller),
      };
    };
    expect(await found(mixed)).toEqual({ "canary-service": ["tenant-c"] });
  });

  test("a canary that is empty, and one that is gone, is told", async () => {
    const { admin } = service.database;
    await admin.query(`create table pg_temp.kept as select * from ${canary}.samples; delete from ${canary}.samples`);
    expect(await found()).toEqual({ "canary-control": [canaryTenantId], "canary-service": [canaryTenantId] });
    await admin.query(`insert into ${canary}.samples select * from pg_temp.kept`);
    expect(await found()).toEqual({});
    await admin.query("update control.companies set tenant_id = 'gone' where tenant_id = $1", [canaryTenantId]);
    const { checks } = await look();
    await admin.query("update control.companies set tenant_id = $1 where tenant_id = 'gone'", [canaryTenantId]);
    expect(checks.map((check) => check.result)).toEqual(["not_run", "not_run", "not_run", "not_run"]);
  });
});

describe("no caller reaches the canary", () => {
  test("its id is refused like that of a tenant which does not exist", async () => {
    const { clients } = service;
    const denied = await failureOf(clients.employees.listEmployees({}, as("company_admin", canaryTenantId)));
    expect(denied).toEqual(await failureOf(clients.employees.listEmployees({}, as("company_admin", "no-such-tenant"))));
    expect(denied.reason).toBe("TENANT_DENIED");
  });

  test("it is not provisioned, returned or listed", async () => {
    const { clients } = service;
    const operator = as("platform_operator");
    const spec = { tenantId: canaryTenantId, displayName: "Canary of wellvault verify" };
    expect((await failureOf(clients.tenants.provisionTenant(spec, operator))).reason).toBe("TENANT_DENIED");
    expect((await failureOf(clients.tenants.getTenant({ tenantId: canaryTenantId }, operator))).code).toBe("NotFound");
    const { tenants } = await clients.tenants.listTenants({}, operator);
    expect(tenants.map(({ tenantId }) => tenantId)).toEqual(everybody);
  });

  test("a call inside the process without a caller is refused", async () => {
    const transport: Transport = openAccess({} as TenantEntry).transport;
    await expect(createClient(EmployeeService, transport).listEmployees({})).rejects.toThrow();
  });
});

test("of more than a hundred tenants a hundred are drawn, by the seed alone", () => {
  const others = Array.from({ length: 250 }, (_, index) => ({ tenantId: `t-${index}` }) as TenantEntry);
  const drawn = drawTenants(others, "seed");
  expect(drawn.length).toBe(100);
  expect(new Set(drawn).size).toBe(100);
  expect(drawTenants([...others].reverse(), "seed")).toEqual(drawn);
  expect(drawTenants(others, "other")).not.toEqual(drawn);
});

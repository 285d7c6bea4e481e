import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";
import { startTestService, type TestService } from "../support/service.ts";

// A server of its own, because roles are counted and they belong to the whole server.
let own: OwnServer;
let service: TestService;
const operator = as("platform_operator");

beforeAll(async () => {
  own = await startOwnServer();
  service = await startTestService({}, own.database);
});
afterAll(async () => {
  await service.close();
  await own.close();
});

interface Census {
  readonly companies: number;
  readonly schemas: number;
  readonly roles: number;
}

/** Runs `work` while provisioning has to wait at its start. */
async function whileHeld<T>(work: () => Promise<T>): Promise<T> {
  const holder = new pg.Client({ connectionString: own.database.url });
  await holder.connect();
  try {
    await holder.query("begin; lock table control.tenant_migrations in access exclusive mode");
    return await work();
  } finally {
    await holder.end();
  }
}

/** Pids of the backends that wait for a lock. */
async function waiting(): Promise<number[]> {
  const { rows } = await own.database.admin.query<{ pid: number }>(
    "select pid from pg_stat_activity where wait_event_type = 'Lock'",
  );
  return rows.map((row) => row.pid);
}

/** Counts what a provisioning makes. */
async function census(): Promise<Census> {
  const { rows } = await own.database.admin.query<Census>(`
    select
      (select count(*)::integer from control.companies) as companies,
      (select count(*)::integer from pg_namespace where nspname like 'v\\_%') as schemas,
      (select count(*)::integer from pg_roles where rolname like 'v\\_%') as roles
  `);
  const [row] = rows;
  if (!row) throw new Error("nothing was counted");
  return row;
}

async function vaultOf(tenantId: string): Promise<string> {
  const { rows } = await own.database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenantId],
  );
  return rows[0]?.vault ?? "";
}

describe("a company exists whole or not at all", () => {
  test.each([
    ["a missing table", "create table extra (a integer); insert into nowhere values (1)"],
    ["a broken rule", "create table extra (a integer check (a > 0)); insert into extra values (0)"],
    ["an error of its own", "do $do$ begin raise exception 'secret of the migration'; end $do$"],
  ])(
    "when a tenant migration fails by %s nothing is left, and after the repair the same call succeeds",
    async (_, sql) => {
      const { admin } = own.database;
      const tenantId = `broken-${randomUUID().slice(0, 8)}`;
      const spec = { tenantId, displayName: "Broken" };
      const before = await census();
      await admin.query("insert into control.tenant_migrations values (99, '0099_broken', $1, 'none')", [sql]);

      const failure = await failureOf(service.clients.tenants.provisionTenant(spec, operator)).finally(() =>
        admin.query("delete from control.tenant_migrations where version = 99"),
      );
      expect(failure.code).toBe("Internal");
      expect(failure.metadata["error_id"]).toBeTruthy();
      expect(failure.message).not.toMatch(/secret|nowhere|extra|0099/);
      expect(await census()).toEqual(before);
      expect((await failureOf(service.clients.tenants.getTenant({ tenantId }, operator))).code).toBe("NotFound");

      const { created } = await service.clients.tenants.provisionTenant(spec, operator);
      expect(created).toBe(true);
      // The control of the census: one provisioning counts as one of each.
      expect(await census()).toEqual({
        companies: before.companies + 1,
        schemas: before.schemas + 1,
        roles: before.roles + 1,
      });
    },
  );

  test("when its backend is killed in the middle nothing is left, and a repeat succeeds", async () => {
    const spec = { tenantId: "killed", displayName: "Killed" };
    const before = await census();
    await whileHeld(async () => {
      const failing = failureOf(service.clients.tenants.provisionTenant(spec, operator));
      await expect.poll(waiting, { interval: 10 }).toHaveLength(1);
      await own.database.admin.query("select pg_terminate_backend(pid, 5000) from unnest($1::integer[]) as pid", [
        await waiting(),
      ]);
      expect((await failing).code).toMatch(/^(Unavailable|Unknown)$/);
    });
    expect(await census()).toEqual(before);
    expect((await service.clients.tenants.provisionTenant(spec, operator)).created).toBe(true);
    expect((await census()).roles).toBe(before.roles + 1);
  });

  test("when the deadlines of many calls pass in the middle nothing is left, though all connections are taken", async () => {
    const before = await census();
    await whileHeld(async () => {
      const calls = Array.from({ length: 12 }, (_, n) =>
        service.clients.tenants.provisionTenant(
          { tenantId: `too-late-${n}`, displayName: "Too late" },
          { ...operator, timeoutMs: 200 },
        ),
      );
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: Code.DeadlineExceeded } });
      }
      // A backend that still waits here would go on once the lock is free.
      await expect.poll(waiting, { interval: 10 }).toEqual([]);
    });
    expect(await census()).toEqual(before);
    expect(
      (await service.clients.tenants.provisionTenant({ tenantId: "in-time", displayName: "In time" }, operator))
        .created,
    ).toBe(true);
  });
});

describe("asking again", () => {
  test("the same request id returns the same tenant, in either case of its letters", async () => {
    const spec = { tenantId: "again", displayName: "Again", externalId: "crm-1", requestId: randomUUID() };
    const first = await service.clients.tenants.provisionTenant(spec, operator);
    const second = await service.clients.tenants.provisionTenant(
      { ...spec, requestId: spec.requestId.toUpperCase() },
      operator,
    );
    expect(first.created).toBe(true);
    expect(second).toMatchObject({ created: false, tenant: first.tenant });
  });

  test("the same specification without a request id, or with a new one, returns the same tenant", async () => {
    const spec = { tenantId: "same-spec", displayName: "Same", externalId: "crm-2" };
    const first = await service.clients.tenants.provisionTenant(spec, operator);
    for (const requestId of ["", randomUUID()]) {
      const next = await service.clients.tenants.provisionTenant({ ...spec, requestId }, operator);
      expect(next).toMatchObject({ created: false, tenant: first.tenant });
    }
  });

  test("a request id used for other contents is REQUEST_ID_REUSED", async () => {
    const spec = { tenantId: "reused", displayName: "Reused", requestId: randomUUID() };
    await service.clients.tenants.provisionTenant(spec, operator);
    for (const other of [{ tenantId: "reused-2" }, { displayName: "Another" }, { externalId: "crm-3" }]) {
      const failure = await failureOf(service.clients.tenants.provisionTenant({ ...spec, ...other }, operator));
      expect(failure).toMatchObject({ code: "AlreadyExists", reason: "REQUEST_ID_REUSED" });
    }
    expect((await failureOf(service.clients.tenants.getTenant({ tenantId: "reused-2" }, operator))).code).toBe(
      "NotFound",
    );
  });

  test("an external id or a tenant id of another company is ALREADY_EXISTS and names the tenant", async () => {
    const spec = { tenantId: "taken", displayName: "Taken", externalId: "crm-4" };
    await service.clients.tenants.provisionTenant(spec, operator);
    const before = await census();
    for (const other of [{ tenantId: "taken-2" }, { displayName: "Another" }, { externalId: "crm-5" }]) {
      const wanted = { ...spec, ...other };
      const failure = await failureOf(service.clients.tenants.provisionTenant(wanted, operator));
      expect(failure).toMatchObject({
        code: "AlreadyExists",
        reason: "RESOURCE_EXISTS",
        resource: { type: "wellvault.v1.Tenant", name: wanted.tenantId },
      });
    }
    expect(await census()).toEqual(before);
  });
});

describe("names", () => {
  const odd = [
    "select",
    "user",
    "public",
    "control",
    "pg-catalog",
    "information-schema",
    "null",
    "group",
    "table",
    "default",
    "wellvault-app",
    "a-1",
    "a--b",
    "v-0123456789abcdef",
    "drop-schema-control-cascade",
    `a${"b".repeat(61)}c`,
    `a${"b".repeat(61)}d`,
    "xn--mnchen-3ya",
    "constructor",
    "tostring",
    "has-own-property",
  ];

  test("slugs that are SQL words, schemas or prototypes' members are names like any other", async () => {
    for (const tenantId of odd) {
      await service.provision(tenantId);
      const employeeId = await service.hire(tenantId, tenantId);
      const { employees } = await service.clients.employees.listEmployees({}, as("company_admin", tenantId));
      expect(employees.map((employee) => employee.employeeId)).toEqual([employeeId]);
    }
  });

  test("a vault's name says nothing of its slug and no two are near each other", async () => {
    const { rows } = await own.database.admin.query<{ tenant_id: string; vault: string }>(
      "select tenant_id, vault::text from control.companies order by create_time",
    );
    const vaults = rows.map((row) => row.vault);
    expect(new Set(vaults).size).toBe(vaults.length);
    for (const vault of vaults) expect(vault).toMatch(/^v_[0-9a-f]{16}$/);
    expect(vaults, "they come in the order they were made").not.toEqual(vaults.toSorted());
    expect(new Set(vaults.map((vault) => vault.slice(0, 10))).size, "they share beginnings").toBe(vaults.length);
  });
});

describe("whoever inserts the row", () => {
  let control: pg.Client;
  beforeAll(async () => {
    control = new pg.Client({ connectionString: loginUrl(own.database.url, "wellvault_control", undefined) });
    await control.connect();
  });
  afterAll(() => control.end());

  test("provisions a company that the service finds at once", async () => {
    await control.query("insert into control.companies (tenant_id, display_name) values ('by-insert', 'By insert')");
    const employeeId = await service.hire("by-insert");
    expect(employeeId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("provisions several in one transaction, and none when it is undone", async () => {
    const insert = "insert into control.companies (tenant_id, display_name) values ('two-1', 'One'), ('two-2', 'Two')";
    const before = await census();
    await control.query("begin");
    await control.query(insert);
    await control.query("rollback");
    expect(await census()).toEqual(before);
    await control.query(insert);
    expect(await census()).toEqual({
      companies: before.companies + 2,
      schemas: before.schemas + 2,
      roles: before.roles + 2,
    });
  });

  test.each([
    [
      "choose the vault",
      "insert into control.companies (tenant_id, display_name, vault) values ('x-1', 'X', 'v_0123456789abcdef')",
    ],
    [
      "choose the state",
      "insert into control.companies (tenant_id, display_name, state) values ('x-1', 'X', 'ACTIVE')",
    ],
    [
      "choose the version",
      "insert into control.companies (tenant_id, display_name, schema_version) values ('x-1', 'X', 9)",
    ],
    ["update a company", "update control.companies set display_name = 'X'"],
    ["delete a company", "delete from control.companies"],
    ["empty the companies", "truncate control.companies"],
    ["read a tenant migration", "select * from control.tenant_migrations"],
    ["write a tenant migration", "insert into control.tenant_migrations values (98, 'x', 'select 1', 'x')"],
    ["build a vault's role", "select control.create_vault_role('v_0123456789abcdef', 'wellvault_app')"],
    ["migrate a vault", "select control.migrate_vault('v_0123456789abcdef', 1)"],
    ["switch the trigger off", "alter table control.companies disable trigger all"],
    ["create a schema", "create schema mine"],
    ["create a table", "create table control.mine (a integer)"],
    ["create a temporary table", "create temporary table mine (a integer)"],
    ["create a role", "create role mine"],
    ["become the owner", "set role wellvault_owner"],
    ["become the provisioner", "set role wellvault_provisioner"],
  ])("the control login cannot %s", async (_, sql) => {
    await expect(control.query(sql)).rejects.toMatchObject({ code: "42501" });
  });

  test("the control login cannot read or become a vault, though the administrator can", async () => {
    const vault = await vaultOf("by-insert");
    const read = `select * from ${vault}.employees`;
    await expect(control.query(read)).rejects.toMatchObject({ code: "42501" });
    await expect(control.query(`set role ${vault}`)).rejects.toMatchObject({ code: "42501" });
    expect((await own.database.admin.query(read)).rowCount).toBe(1);
  });
});

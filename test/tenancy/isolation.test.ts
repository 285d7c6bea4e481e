import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { sqlStateOf } from "../../src/database/sqlstate.ts";
import { statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { letObserve } from "../support/observe.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

// One connection, so that every session meets what the one before it left behind.
let plane: PinnedPlane;
let a: TenantEntry;
let b: TenantEntry;

beforeAll(async () => {
  plane = await openPinnedPlane(1);
  await letObserve(plane.database.admin);
  a = await plane.provision("company-a");
  b = await plane.provision("company-b");
  for (const tenant of [a, b]) {
    await plane.open(tenant).query(
      statement<[string, string], never>`
          insert into employees (employee_no, employee_id, external_id) values (1, $1, $2)
        `,
      [randomUUID(), tenant.tenantId],
    );
  }
});
afterAll(() => plane.close());

// Literal, as the service's own statements are: after one that is not, the connection is cleaned.
const pin = statement<[], { user: string; path: string; timeout: string; pid: number }>`
  select current_user::text as user, current_setting('search_path') as path,
    current_setting('statement_timeout') as timeout, pg_backend_pid() as pid
`;
const names = statement<[], { external_id: string }>`select external_id from employees`;

/** The SQLSTATE that something fails with. */
async function stateOf(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(
    () => "it succeeded",
    (error: unknown) => sqlStateOf(error),
  );
}

describe("a session of A", () => {
  const attacks: readonly (readonly [string, (vault: string) => string])[] = [
    ["reads B by its qualified name", (v) => `select external_id from ${v}.employees`],
    ["joins B to its own", (v) => `select external_id from employees union select external_id from ${v}.employees`],
    [
      "writes B",
      (v) => `insert into ${v}.employees (employee_no, employee_id, external_id) values (9, gen_random_uuid(), 'x')`,
    ],
    ["changes B", (v) => `update ${v}.employees set external_id = 'x'`],
    ["locks B", (v) => `lock table ${v}.employees in access share mode`],
    ["copies B", (v) => `copy ${v}.employees to stdout`],
    ["reads B's counters", (v) => `select * from ${v}.counters`],
    ["explains and runs a query on B", (v) => `explain analyze select * from ${v}.employees`],
    ["opens its own schema to B", (v) => `grant usage on schema control to ${v}`],
  ];

  test.each(attacks)("%s: refused with 42501", async (_, sql) => {
    expect(await stateOf(plane.open(a).query(statement<[], never>(sql(b.vault)), []))).toBe("42501");
    expect(await stateOf(plane.open(a).em.execute(sql(b.vault)))).toBe("42501");
  });

  test("reads B through the entity manager's own options: refused with 42501", async () => {
    const inB = { schema: b.vault };
    const { em } = plane.open(a);
    expect(await stateOf(em.find(EmployeeEntity, {}, inB))).toBe("42501");
    expect(await stateOf(em.findOne(EmployeeEntity, { employeeNo: 1 }, inB))).toBe("42501");
    expect(await stateOf(em.count(EmployeeEntity, {}, inB))).toBe("42501");
    expect(await stateOf(em.nativeUpdate(EmployeeEntity, {}, { team: "x" }, inB))).toBe("42501");
    expect(await stateOf(em.nativeDelete(EmployeeEntity, {}, inB))).toBe("42501");
    const fork = em.fork({ schema: b.vault });
    expect(await stateOf(fork.find(EmployeeEntity, {}))).toBe("42501");
    // The control: the same calls without the other schema.
    expect(await em.find(EmployeeEntity, {})).toMatchObject([{ externalId: "company-a" }]);
    expect(await em.count(EmployeeEntity, {})).toBe(1);
  });

  test.each([
    ["the control plane", "42501", "select * from control.companies"],
    ["the tenant migrations", "42501", "select * from control.tenant_migrations"],
    ["the builder of roles", "42501", "select control.create_vault_role('v_0123456789abcdef', 'wellvault_app')"],
    ["passwords", "42501", "select rolpassword from pg_authid"],
    ["files of the server", "42501", "select pg_read_file('/etc/passwd')"],
    ["a new schema", "42501", "create schema mine"],
    ["a new table", "42501", "create table mine (a integer)"],
    ["a temporary table that would stand before the vault's", "42501", "create temporary table employees (a integer)"],
    ["a new function", "42501", "create function f() returns integer language sql as 'select 1'"],
    ["a new role", "42501", "create role mine"],
    ["its own table's end", "42501", "drop table employees"],
    ["its own table's rights", "42501", "alter table employees disable trigger all"],
    ["deleting rows", "42501", "delete from employees"],
    ["emptying its log", "42501", "truncate log_entries"],
    ["another session's identity", "42501", "set session authorization postgres"],
    ["a block of code that becomes B", "42501", "do $$ begin perform 1; execute 'create schema mine'; end $$"],
    [
      "another backend's end",
      "42501",
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
    ],
    ["two statements in one text", "42601", "select 1; select 2"],
    ["a second statement behind a comment", "42601", "select 1 /* */; reset role"],
    ["a transaction of its own inside", "42601", "commit; select 1"],
  ])("reaches for %s: refused with %s", async (_, state, sql) => {
    expect(await stateOf(plane.open(a).query(statement<[], never>(sql), []))).toBe(state);
    expect(await stateOf(plane.open(a).em.execute(sql))).toBe(state);
  });

  test("a value that looks like SQL stays a value", async () => {
    const evil = `'); drop table employees; select ('$1`;
    const echo = statement<[string], { text: string }>("select $1::text as text");
    expect(await plane.open(a).query(echo, [evil])).toEqual([{ text: evil }]);
    expect(await plane.open(a).em.find(EmployeeEntity, { externalId: evil })).toEqual([]);
  });
});

describe("without a pin", () => {
  let raw: pg.Client;
  beforeAll(async () => {
    raw = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
    raw.on("error", () => undefined);
    await raw.connect();
  });
  afterAll(() => raw.end());

  test.each([
    ["an unqualified name is no table", "select * from employees", "42P01"],
    ["an unqualified insert is no table", "insert into samples default values", "42P01"],
    ["the control plane is refused", "select * from control.companies", "42501"],
    ["a new table has no schema to go to", "create table mine (a integer)", "3F000"],
    ["a temporary table is refused", "create temporary table mine (a integer)", "42501"],
    ["the owner's role is refused", "set role wellvault_owner", "42501"],
    ["the provisioner's role is refused", "set role wellvault_provisioner", "42501"],
  ])("%s", async (_, sql, state) => {
    expect(await stateOf(raw.query(sql))).toBe(state);
  });

  test("a vault's qualified name is refused", async () => {
    for (const { vault } of [a, b]) expect(await stateOf(raw.query(`select * from ${vault}.employees`))).toBe("42501");
  });

  test("the login sees no table, owns nothing, inherits nothing and can hand nothing on", async () => {
    const { rows: seen } = await plane.database.admin.query(
      "select c.oid::regclass from pg_class as c where c.relkind in ('r', 'v', 'S') and has_table_privilege('wellvault_app', c.oid, 'select')",
    );
    expect(seen).toEqual([]);
    const { rows: owned } = await plane.database.admin.query(
      "select classid::regclass, objid from pg_shdepend where refobjid = 'wellvault_app'::regrole and deptype = 'o'",
    );
    expect(owned).toEqual([]);
    const { rows: memberships } = await plane.database.admin.query<object>(
      `select distinct admin_option, inherit_option, set_option from pg_auth_members
       where member = 'wellvault_app'::regrole and roleid::regrole::text = any ($1)`,
      [[a.vault, b.vault]],
    );
    expect(memberships).toEqual([{ admin_option: false, inherit_option: false, set_option: true }]);
    const { rows: attributes } = await plane.database.admin.query(
      "select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls from pg_roles where rolname = 'wellvault_app'",
    );
    expect(new Set(attributes.flatMap((row) => Object.values(row as object)))).toEqual(new Set([false]));
  });
});

describe("the pin ends with its transaction", () => {
  const bare = { user: "wellvault_app", path: '""', timeout: "0" };
  let pid: number;

  /** What the pool's one connection is when no session holds it. */
  async function left(): Promise<object> {
    // A fork of the same manager without a pin reaches the same connection.
    const em = plane.open(a).em.fork();
    em.clearSessionContext();
    const [row] = await em.execute<[{ pid: number }]>(pin.text);
    return row;
  }

  beforeEach(async () => {
    const [row] = await plane.open(a).query(pin, []);
    expect(row).toMatchObject({ user: a.vault, path: `"${a.vault}", pg_temp` });
    pid = row?.pid ?? 0;
  });

  test("after a commit", async () => {
    await plane.open(a).transaction((transaction) => transaction.query(names, []));
    expect(await left()).toEqual({ ...bare, pid });
  });

  test("after a rollback that the work asked for", async () => {
    const failing = plane.open(a).transaction(async (transaction) => {
      await transaction.query(names, []);
      throw new Error("enough");
    });
    await expect(failing).rejects.toThrow("enough");
    expect(await left()).toEqual({ ...bare, pid });
  });

  test("after an error of the database", async () => {
    expect(await stateOf(plane.open(a).query(statement<[], never>("select * from nowhere"), []))).toBe("42P01");
    expect(await left()).toEqual({ ...bare, pid });
  });

  test("after a lone read of the entity manager", async () => {
    await plane.open(a).em.find(EmployeeEntity, {});
    expect(await left()).toEqual({ ...bare, pid });
  });

  test("and the next tenant on the connection meets nothing of the one before", async () => {
    expect(await plane.open(b).query(names, [])).toEqual([{ external_id: "company-b" }]);
    expect(await plane.open(b).query(pin, [])).toMatchObject([{ user: b.vault, pid }]);
    expect(await plane.open(a).query(names, [])).toEqual([{ external_id: "company-a" }]);
  });

  test("a transaction that is over can no longer be used", async () => {
    const kept = await plane.open(a).transaction(async (transaction) => transaction);
    await expect(kept.query(names, [])).rejects.toThrow();
    expect(await plane.open(b).query(names, [])).toEqual([{ external_id: "company-b" }]);
  });

  test("an aborted session does not pass its pin on", async () => {
    const abort = new AbortController();
    const sleeping = plane.open(a, abort.signal).query(statement<[], never>("select pg_sleep(20)"), []);
    setTimeout(() => abort.abort(new Error("gone")), 50);
    await expect(sleeping).rejects.toThrow();
    expect(await plane.open(b).query(names, [])).toEqual([{ external_id: "company-b" }]);
    expect(await left()).toMatchObject(bare);
  });
});

describe("the controls: with a wall taken down the same attack gets through", () => {
  const read = () =>
    plane.open(a).query(statement<[], { external_id: string }>(`select external_id from ${b.vault}.employees`), []);

  async function without(down: string, up: string, work: () => Promise<void>): Promise<void> {
    await plane.database.admin.query(down);
    try {
      await work();
    } finally {
      await plane.database.admin.query(up);
    }
  }

  /** What a grant or a membership opens the token still keeps shut; without row level security nothing does. */
  async function withoutTokens(work: () => Promise<void>): Promise<void> {
    expect(await stateOf(read())).toBe("WV001");
    const table = `alter table ${b.vault}.employees`;
    await without(`${table} disable row level security`, `${table} enable row level security`, work);
    expect(await stateOf(read())).toBe("WV001");
  }

  test("a grant on B's schema and table, and no tokens, let A read B", async () => {
    expect(await stateOf(read())).toBe("42501");
    await without(
      `grant usage on schema ${b.vault} to ${a.vault}; grant select on ${b.vault}.employees to ${a.vault}`,
      `revoke usage on schema ${b.vault} from ${a.vault}; revoke select on ${b.vault}.employees from ${a.vault}`,
      () =>
        withoutTokens(async () => {
          expect(await read()).toEqual([{ external_id: "company-b" }]);
          expect(await plane.open(a).em.find(EmployeeEntity, {}, { schema: b.vault })).toMatchObject([
            { externalId: "company-b" },
          ]);
        }),
    );
    expect(await stateOf(read())).toBe("42501");
  });

  test("a membership of B's role, and no tokens, let A read B", async () => {
    await without(
      `grant ${b.vault} to ${a.vault} with inherit true`,
      `revoke ${b.vault} from ${a.vault}`,
      // The vault's own role does not inherit by default; the membership says otherwise.
      () => withoutTokens(async () => expect(await read()).toEqual([{ external_id: "company-b" }])),
    );
    expect(await stateOf(read())).toBe("42501");
  });

  test("a membership that the login inherits, and no tokens, let an unpinned statement read B", async () => {
    const raw = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
    raw.on("error", () => undefined);
    await raw.connect();
    try {
      await without(
        `grant ${b.vault} to wellvault_app with inherit true`,
        `revoke inherit option for ${b.vault} from wellvault_app`,
        async () => {
          const unpinned = async () => (await raw.query(`select external_id from ${b.vault}.employees`)).rows;
          expect(await stateOf(unpinned())).toBe("WV001");
          const table = `alter table ${b.vault}.employees`;
          await without(`${table} disable row level security`, `${table} enable row level security`, async () =>
            expect(await unpinned()).toEqual([{ external_id: "company-b" }]),
          );
        },
      );
    } finally {
      await raw.end();
    }
  });

  test("the simple protocol lets two statements through", async () => {
    const raw = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
    raw.on("error", () => undefined);
    await raw.connect();
    const both = (await raw.query(`select 1 as one; set role ${b.vault}`)) as unknown as pg.QueryResult[];
    expect(both).toHaveLength(2);
    await raw.end();
  });
});

describe("a manager used for two vaults", () => {
  test("writes no entity of the other one", async () => {
    const mine = await plane.open(a).em.findOneOrFail(EmployeeEntity, { employeeNo: 1 });
    mine.team = "moved";
    const writing = plane.open(b).transaction(async ({ em }) => void em.persist(mine));
    await expect(writing).rejects.toThrow("an entity manager was used for two vaults");
    expect(await plane.open(b).em.find(EmployeeEntity, { team: "moved" })).toEqual([]);
    // The control: the vault's own manager writes it.
    await plane.open(a).transaction(async ({ em }) => {
      (await em.findOneOrFail(EmployeeEntity, { employeeNo: 1 })).team = "moved";
    });
    expect(await plane.open(a).em.count(EmployeeEntity, { team: "moved" })).toBe(1);
  });

  test("cannot be pointed at another one", () => {
    const { em } = plane.open(a);
    expect(() => {
      em.schema = b.vault;
    }).toThrow("an entity manager was used for two vaults");
    expect(em.schema).toBe(a.vault);
  });
});

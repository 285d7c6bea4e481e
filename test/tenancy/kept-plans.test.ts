import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import type { Pin } from "../../src/database/pin.ts";
import { PinnedClient } from "../../src/database/pinned-client.ts";
import { keptStatement, statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { openTenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { openWireTap, type WireTap } from "../support/wire-tap.ts";

// A connection keeps the plans of one vault while it serves another. What could go wrong is that a plan shows rows
// without the token of its vault, or that somebody gets at a plan that is not theirs.

let plane: PinnedPlane;
let tap: WireTap;
let a: TenantEntry;
let b: TenantEntry;
let client: PinnedClient;
const tokens = createTenantTokens(testTokenKey);

beforeAll(async () => {
  plane = await openPinnedPlane(1);
  a = await plane.provision("company-a");
  b = await plane.provision("company-b");
  const insert = statement<[string, string], never>(
    "insert into employees (employee_no, employee_id, external_id) values (1, $1, $2)",
  );
  for (const tenant of [a, b]) await plane.open(tenant).query(insert, [randomUUID(), tenant.tenantId]);
  tap = await openWireTap(plane.database.url);
});
beforeEach(async () => {
  await client?.end();
  client = new PinnedClient(tap.through(loginUrl(plane.database.url, "wellvault_app", undefined)));
  await client.connect();
  // With the first one the connection asks what it may keep.
  await client.runPinned(pinTo(a), names, [[]]);
  await client.runPinned(pinTo(a), names, [[]]);
  tap.clear();
});
afterAll(async () => {
  await client?.end();
  await tap.close();
  await plane.close();
});

const names = statement<[], { external_id: string }>`select external_id from employees`;
const keptNames = keptStatement<[], { external_id: string }>`select external_id from employees order by external_id`;

function pinTo(tenant: TenantEntry, token = tokens.sign(tenant.companyId, 10_000)): Pin {
  return {
    role: tenant.vault,
    settings: {
      search_path: `"${tenant.vault}", pg_temp`,
      statement_timeout: "10000",
      "wellvault.token": token,
      "wellvault.company": tenant.companyId,
    },
  };
}

const read = async (tenant: TenantEntry) => (await client.runPinned(pinTo(tenant), keptNames, [[]]))[0];
const parsedTexts = () => tap.sent.filter(({ type }) => type === "P").length;
/** The names under which the connection keeps statements of vaults. */
const keptOf = () =>
  Object.keys((client as unknown as { connection: { parsedStatements: object } }).connection.parsedStatements).filter(
    (name) => !name.startsWith("wellvault_"),
  );
const sqlState = (work: Promise<unknown>) =>
  work.then(
    (result) => `${(result as pg.QueryResult).rowCount} rows`,
    (error: { code?: string }) => error.code,
  );

test("vaults take turns on a connection, and each plan shows its own vault's rows, however often", async () => {
  for (let turn = 0; turn < 8; turn++) {
    for (const tenant of [a, b]) expect(await read(tenant)).toEqual([{ external_id: tenant.tenantId }]);
  }
  expect(keptOf()).toHaveLength(2);
  // The two statements and the pin that goes with them, once each.
  expect(parsedTexts()).toBe(3);
});

test("a plan of B that A runs by its name fails, as A, as B without a token and as B with A's", async () => {
  await read(b);
  const [name] = keptOf();
  const run = `execute "${name}"`;
  const inTransaction = async (...steps: string[]) => {
    await client.query("begin");
    await client.query("select set_config('wellvault.token', $1, true)", [tokens.sign(a.companyId, 10_000)]);
    for (const step of steps) await client.query(step);
    const state = await sqlState(client.query(run) as Promise<unknown>);
    await client.query("rollback");
    return state;
  };
  const asB = [`set local role ${b.vault}`, `set local search_path to "${b.vault}", pg_temp`];
  expect(await inTransaction(`set local role ${a.vault}`, `set local search_path to "${b.vault}", pg_temp`)).toBe(
    // B's schema is none that A's role may look into.
    "42P01",
  );
  expect(await inTransaction(`set local wellvault.company to '${b.companyId}'`, ...asB)).toBe("WV001");
  expect(await inTransaction("set local wellvault.token to ''", ...asB)).toBe("WV001");
  // The controls: with a token of B the plan is one of B's, and without its second question it is everybody's.
  const own = `set local wellvault.token to '${tokens.sign(b.companyId, 10_000)}'`;
  expect(await inTransaction(own, ...asB)).toBe("1 rows");
  const { admin } = plane.database;
  const [policy] = (await admin.query<{ text: string }>("select control.policy_expression($1) as text", [b.companyId]))
    .rows;
  const alter = async (text: string) =>
    await admin.query(`alter policy tenant_token on ${b.vault}.employees using (${text}) with check (${text})`);
  await alter(`guard.ok('${b.companyId}') is not null`);
  await read(b);
  expect(await inTransaction(...asB)).toBe("1 rows");
  await alter(policy?.text ?? "");
});

test("no transaction comes to a plan of B by the token of the one before it: an expired, a foreign or no token is refused", async () => {
  await read(b);
  const expired = createTenantTokens(testTokenKey, () => Date.now() - 3_600_000).sign(b.companyId, 10_000);
  for (const token of [expired, tokens.sign(a.companyId, 10_000), ""]) {
    await expect(client.runPinned(pinTo(b, token), keptNames, [[]])).rejects.toMatchObject({ code: "WV001" });
  }
  expect(await read(b)).toHaveLength(1);
});

test("a statement is written once a vault, with its check: nobody writes into B by a plan of B and a token of A", async () => {
  const hire = keptStatement<[number, string], never>`
    insert into employees (employee_no, employee_id, external_id) values ($1, gen_random_uuid(), $2)`;
  await client.runPinned(pinTo(b), hire, [[100, "hundred"]]);
  const [name] = keptOf();
  await client.query("begin");
  await client.query("select set_config('wellvault.token', $1, true)", [tokens.sign(a.companyId, 10_000)]);
  await client.query(`set local role ${b.vault}`);
  await client.query(`set local search_path to "${b.vault}", pg_temp`);
  expect(await sqlState(client.query(`execute "${name}" (101, 'hundred and one')`) as Promise<unknown>)).toBe("WV001");
  await client.query("rollback");
  const { admin } = plane.database;
  const { rows } = await admin.query(`select employee_no from ${b.vault}.employees where employee_no > 99`);
  expect(rows).toEqual([{ employee_no: 100 }]);
  await admin.query(`delete from ${b.vault}.employees where employee_no = 100`);
});

test("the names are hidden from everybody, and where they are not nothing is kept", async () => {
  await read(a);
  expect(keptOf()).toHaveLength(1);
  const list = "select name from pg_prepared_statements";
  expect(await sqlState(client.query(list) as Promise<unknown>)).toBe("42501");
  const { admin } = plane.database;
  await admin.query(
    "grant execute on function pg_prepared_statement() to public; grant select on pg_prepared_statements to public",
  );
  try {
    const other = new PinnedClient(loginUrl(plane.database.url, "wellvault_app", undefined));
    await other.connect();
    for (let turn = 0; turn < 3; turn++) await other.runPinned(pinTo(a), keptNames, [[]]);
    const { rows } = (await other.query(list)) as unknown as { rows: { name: string }[] };
    expect(rows.map((row) => row.name).filter((name) => !name.startsWith("wellvault_") && name !== "")).toEqual([]);
    await other.end();
  } finally {
    await admin.query(
      "revoke execute on function pg_prepared_statement() from public; revoke select on pg_prepared_statements from public",
    );
  }
});

test("where an earlier version hardened nothing is kept but the pin, and nobody asks at each call", async () => {
  const { admin, url } = plane.database;
  const right = "execute on function has_function_privilege(text, text)";
  await admin.query(`revoke ${right} from wellvault_session`);
  const other = new PinnedClient(tap.through(loginUrl(url, "wellvault_app", undefined)));
  try {
    await other.connect();
    for (let turn = 0; turn < 6; turn++) {
      if (turn === 3) tap.clear();
      expect(await other.runPinned(pinTo(a), keptNames, [[]])).toHaveLength(1);
    }
    // The statement alone is parsed, with one Sync a call.
    expect(tap.sent.map(({ type }) => type).join("")).toBe("BEPBDES".repeat(3));
  } finally {
    await other.end();
    await admin.query(`grant ${right} to wellvault_session`);
  }
});

test("a connection that lost its statements, or whose statement returns something else by now, is replaced", async () => {
  await read(a);
  await client.query("deallocate all");
  await expect(read(a)).rejects.toMatchObject({ name: "StaleConnectionError" });
  // A caller meets none of it.
  const open = () => plane.open(a).query(keptNames, []);
  for (let turn = 0; turn < 2; turn++) expect(await open()).toHaveLength(1);
  const { admin } = plane.database;
  await admin.query(`alter table ${a.vault}.employees alter column external_id type varchar(300)`);
  expect(await open()).toHaveLength(1);
  await admin.query(`alter table ${a.vault}.employees alter column external_id type text`);
  expect(await open()).toHaveLength(1);
});

test("a migration that changes what a statement returns makes no caller fail, however many connections keep it", async () => {
  const { admin, url } = plane.database;
  const sessions = openTenantSessions({
    urlOf: (login) => loginUrl(url, login, undefined),
    loginCount: 1,
    tokens,
    poolSize: 8,
    entities: [],
    onWarning: () => undefined,
  });
  const open = () => sessions.open({ tenant: a, signal: new AbortController().signal, timeoutMs: 10_000 });
  const alter = async (type: string) =>
    await admin.query(`alter table ${a.vault}.employees alter column external_id type ${type}`);
  try {
    for (const type of ["varchar(300)", "text"]) {
      // More calls at once than there are connections, and again, so that each of these has kept the statement.
      for (let turn = 0; turn < 5; turn++) {
        await Promise.all(Array.from({ length: 40 }, () => open().query(keptNames, [])));
      }
      await alter(type);
      expect(await open().query(keptNames, [])).toHaveLength(1);
    }
  } finally {
    await alter("text");
    await sessions.close();
  }
});

test("after a user that leaves something behind, plans are kept anew", async () => {
  const session = plane.open(a);
  for (let turn = 0; turn < 2; turn++) expect(await session.query(keptNames, [])).toHaveLength(1);
  await session.em.execute("select 1");
  for (let turn = 0; turn < 2; turn++) expect(await plane.open(b).query(keptNames, [])).toHaveLength(1);
  for (let turn = 0; turn < 2; turn++) expect(await session.query(keptNames, [])).toHaveLength(1);
});

test("a transaction of the source's own statements leaves nothing to clean, and the plans where they are", async () => {
  const sessions = openTenantSessions({
    urlOf: (login) => tap.through(loginUrl(plane.database.url, login, undefined)),
    ...{ loginCount: 1, poolSize: 1, tokens, entities: [EmployeeEntity], onWarning: () => undefined },
  });
  const open = () => sessions.open({ tenant: a, signal: new AbortController().signal, timeoutMs: 10_000 });
  const readKept = async () => expect(await open().query(keptNames, [])).toEqual([{ external_id: a.tenantId }]);
  for (let turn = 0; turn < 3; turn++) await readKept();
  tap.clear();

  await open().transaction(async ({ query }) => [await query(names, []), await query(names, [])]);
  await open().transaction(async ({ query, finish }) => [await query(names, []), await finish(names, [])]);
  await open().snapshot(({ query }) => query(names, []));
  await readKept();
  const cleanUps = () => tap.statements().filter((text) => text.startsWith("discard temp"));
  const isKeptText = ({ type, text }: { type: string; text: string }) =>
    type === "P" && text.includes("order by external_id");
  expect(cleanUps()).toEqual([]);
  expect(tap.sent.filter(isKeptText)).toEqual([]);

  // The control: of a statement that the source did not write out nobody knows what it leaves.
  const others = [
    async () => await open().transaction(({ em }) => em.find(EmployeeEntity, {})),
    async () => await open().transaction(({ query }) => query(statement<[], unknown>("select 1"), [])),
    async () =>
      await open().transaction(({ query, finish }) =>
        query(names, []).then(() => finish(statement<[], unknown>("select 2"), [])),
      ),
  ];
  for (const other of others) {
    tap.clear();
    await other();
    await readKept();
    expect(cleanUps()).toHaveLength(1);
    expect(tap.sent.filter(isKeptText)).toHaveLength(1);
  }
  await sessions.close();
});

test("a statement's columns are asked for once, and read as they are by now when it had to be kept anew", async () => {
  const describes = () => tap.sent.filter(({ type }) => type === "D").length;
  for (let turn = 0; turn < 3; turn++) {
    for (const tenant of [a, b]) expect(await read(tenant)).toEqual([{ external_id: tenant.tenantId }]);
  }
  expect(describes()).toBe(2);
  const lists = await client.runPinned(pinTo(a), keptNames, [[], [], []]);
  expect(lists).toEqual(Array.from({ length: 3 }, () => [{ external_id: a.tenantId }]));
  expect(describes()).toBe(2);
  // The control: what is not kept is described each time.
  for (let turn = 0; turn < 3; turn++) await client.runPinned(pinTo(a), names, [[]]);
  expect(describes()).toBe(5);

  const { admin } = plane.database;
  const pet = keptStatement<[], { pet: unknown }>`select pet from employees`;
  await admin.query(`alter table ${a.vault}.employees add column pet integer default 5`);
  const session = plane.open(a);
  for (let turn = 0; turn < 3; turn++) expect(await session.query(pet, [])).toEqual([{ pet: 5 }]);
  // The connection lets go of its statements, and makes this one of another table under the same name.
  await session.em.execute("select 1");
  await admin.query(`alter table ${a.vault}.employees alter column pet type text`);
  for (let turn = 0; turn < 3; turn++) expect(await session.query(pet, [])).toEqual([{ pet: "5" }]);
  await admin.query(`alter table ${a.vault}.employees drop column pet`);
});

import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ExtendedClient } from "../../src/database/extended-client.ts";
import { loginUrl } from "../../src/database/logins.ts";
import { pin, pinValues } from "../../src/database/pin.ts";
import { sqlStateOf } from "../../src/database/sqlstate.ts";
import { statement } from "../../src/database/statement.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { openTenantSessions, type TenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
let a: TenantEntry;
let b: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(2);
  a = await plane.provision("company-a");
  b = await plane.provision("company-b");
  for (const tenant of [a, b]) await plane.open(tenant).query(insert, [randomUUID(), tenant.tenantId]);
});
afterAll(() => plane.close());

const insert = statement<[employeeId: string, externalId: string], never>(
  "insert into employees (employee_no, employee_id, external_id) values (1, $1, $2)",
);
const names = statement<[], { external_id: string }>("select external_id from employees");

/** The data plane of a process that signs with other keys or by another clock. */
function processWith(key = testTokenKey, now?: () => number): TenantSessions {
  return openTenantSessions({
    urlOf: (login) => loginUrl(plane.database.url, login, undefined),
    loginCount: 1,
    tokens: createTenantTokens(key, now),
    poolSize: 1,
    entities: [],
    onWarning: () => undefined,
  });
}

async function read(sessions: TenantSessions, tenant: TenantEntry): Promise<unknown> {
  const session = sessions.open({ tenant, signal: new AbortController().signal, timeoutMs: 10_000 });
  return await session.query(names, []).catch((error: unknown) => sqlStateOf(error));
}

describe("a token", () => {
  const tokens = createTenantTokens(testTokenKey, () => 1_700_000_000_000);
  const id = "0b9f2f0e-5a3c-4d8e-9c55-3f1f6f0c7a01";

  test("has its three parts, and expires half a minute after the call's deadline or a little later", () => {
    const [key, expiry, mac] = tokens.sign(id, 10_000).split(".");
    expect(key).toBe(testTokenKey.id);
    expect(Number(expiry)).toBeGreaterThanOrEqual(1_700_000_040);
    expect(Number(expiry)).toBeLessThan(1_700_000_040 + 15);
    expect(mac).toMatch(/^[0-9a-f]{64}$/);
  });

  test("of another company or time has another signature", () => {
    const macs = [tokens.sign(id, 0), tokens.sign(id, 60_000), tokens.sign(randomUUID(), 0)].map((text) =>
      text.slice(-64),
    );
    expect(new Set(macs).size).toBe(3);
    expect(tokens.sign(id, 0)).toBe(tokens.sign(id, 1));
  });

  test("of another secret has another key id, which does not tell the secret", () => {
    const key = deriveTokenKey("another");
    expect(key.id).toMatch(/^[0-9a-f]{16}$/);
    expect(key.id).not.toBe(testTokenKey.id);
    expect(key.secret.toString("hex")).not.toContain(key.id);
  });
});

describe("the database takes a token", () => {
  test("of the right company, while it is good", async () => {
    const sessions = processWith();
    expect(await read(sessions, a)).toEqual([{ external_id: "company-a" }]);
    await sessions.close();
  });

  test.each([
    ["signed with a key that it does not have", () => processWith(deriveTokenKey("unknown"))],
    [
      "that has expired, because the process's clock is behind",
      () => processWith(testTokenKey, () => Date.now() - 120_000),
    ],
    [
      "signed with the right key id and another secret",
      () => processWith({ ...deriveTokenKey("x"), id: testTokenKey.id }),
    ],
  ])("and refuses one %s: loudly, never as a vault without rows", async (_, open) => {
    const sessions = open();
    expect(await read(sessions, a)).toBe("WV001");
    await sessions.close();
  });

  test("and refuses one of another company", async () => {
    const sessions = processWith();
    expect(await read(sessions, { ...a, companyId: b.companyId })).toBe("WV001");
    expect(await read(sessions, { ...b, vault: a.vault })).toBe("WV001");
    await sessions.close();
  });

  test.each([
    "",
    "x",
    "..",
    `${testTokenKey.id}.9999999999.`,
    `${testTokenKey.id}.9999999999.${"0".repeat(64)}`,
    `${"0".repeat(92)}`,
    "é".repeat(92),
  ])("and says no, and nothing else, to the text %j", async (text) => {
    const { rows } = await plane.database.admin.query(
      "select set_config('wellvault.token', $1, true), guard.token_is_for($2)",
      [text, a.companyId],
    );
    expect(rows[0].token_is_for).toBe(false);
    expect((await plane.database.admin.query("select guard.token_is_for(null)")).rows[0].token_is_for).toBe(false);
  });
});

describe("without a token of B", () => {
  let login: pg.Client;
  beforeAll(async () => {
    login = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
    await login.connect();
  });
  afterAll(() => login.end());

  test("B's role reads no row, changes none and adds none, in every table", async () => {
    const { rows } = await plane.database.admin.query<{ name: string; count: string }>(
      "select c.relname as name, c.reltuples::text as count from pg_class as c where c.relkind = 'r' and c.relnamespace = $1::text::regnamespace order by 1",
      [b.vault],
    );
    expect(rows.map((row) => row.name)).toEqual([
      "counters",
      "employees",
      "log_entries",
      "sample_days",
      "sample_sources",
      "samples",
    ]);
    await login.query(`begin; set local role ${b.vault}; set local search_path = ${b.vault}`);
    const outcome = async (sql: string) => {
      await login.query("savepoint here");
      const met = await login.query(sql).then(
        () => "done",
        (error: unknown) => sqlStateOf(error),
      );
      await login.query("rollback to here");
      return met;
    };
    for (const { name } of rows) expect(await outcome(`select * from ${name}`)).toBe("WV001");
    expect(await outcome("update employees set team = 'x'")).toBe("WV001");
    expect(await outcome("delete from samples")).toBe("WV001");
    const insertBlind = `insert into employees (employee_no, employee_id, external_id) values (9, '${randomUUID()}', 'x')`;
    expect(await outcome(insertBlind)).toBe("WV001");
    await login.query("rollback");
  });
});

test("without a token EXPLAIN tells nothing of B's rows: not what is there, not how many, not even an estimate", async () => {
  const { admin } = plane.database;
  await plane.open(b).query(
    statement<[], never>(
      `insert into employees (employee_no, employee_id, external_id, team)
       select n, gen_random_uuid(), 'secret-' || n, 'secret-team' from generate_series(2, 400) as n`,
    ),
    [],
  );
  await admin.query(`analyze ${b.vault}.employees`);
  const login = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
  await login.connect();
  const explain = async (where: string, token?: string) => {
    await login.query("begin");
    try {
      if (token) await login.query(`set local wellvault.token = '${token}'`);
      await login.query(`set local role ${b.vault}; set local enable_seqscan = off; set local enable_bitmapscan = off`);
      const { rows } = await login.query<{ "QUERY PLAN": string }>(
        `explain (analyze, timing off, summary off, buffers off) select 1 from ${b.vault}.employees where ${where}`,
      );
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    } catch (error) {
      return sqlStateOf(error);
    } finally {
      await login.query("rollback");
    }
  };
  const there = "delete_time is null and external_id >= 'secret-1' and external_id < 'secret-1~'";
  const guess = "team = 'secret-team'";
  // Refused, whatever is asked for: nothing is scanned and nothing estimated.
  for (const where of [there, guess, "true", "false", "employee_no = 5"]) expect(await explain(where)).toBe("WV001");
  // The control: under a token of B the plan tells all of it.
  const token = createTenantTokens(testTokenKey).sign(b.companyId, 10_000);
  expect(await explain(there, token)).not.toBe(await explain(guess, token));
  expect(await explain(guess, token)).toMatch(/rows=399/);
  await login.end();
});

test("a plan that was kept in a transaction of B shows rows in another one under a token of B alone", async () => {
  const login = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
  await login.connect();
  const tokens = createTenantTokens(testTokenKey);
  const own = tokens.sign(b.companyId, 10_000);
  const open = async (token: string) =>
    await login.query(`begin; set local wellvault.token = '${token}'; set local role ${b.vault}`);
  await open(own);
  await login.query(`prepare kept as select employee_no from ${b.vault}.employees`);
  // The plan is a kept one: it has no parameters to be planned anew for.
  for (let n = 0; n < 3; n++) expect((await login.query("execute kept")).rowCount).toBeGreaterThan(0);
  await login.query("commit");
  for (const token of [tokens.sign(a.companyId, 10_000), "", "x"]) {
    await open(token);
    expect(await login.query("execute kept").catch(sqlStateOf)).toBe("WV001");
    await login.query("rollback");
  }
  await open(own);
  expect((await login.query("execute kept")).rowCount).toBeGreaterThan(0);
  await login.end();
  // What is kept by name is the pinned client's business alone; see kept-plans.test.ts.
  const client: pg.Client = new ExtendedClient();
  expect(() => client.query({ name: "kept", text: "select 1" })).toThrow("a named statement would stay");
});

describe("what the pin notes of a transaction", () => {
  let login: pg.Client;
  const tokens = createTenantTokens(testTokenKey);
  beforeEach(async () => {
    login = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
    await login.connect();
  });
  afterEach(() => login.end());

  /** Pins a transaction as the service does, and ends it. */
  async function admitOnce(tenant: TenantEntry, end = "commit", begin = "begin"): Promise<void> {
    await login.query(begin);
    const settings = {
      search_path: `"${tenant.vault}", pg_temp`,
      statement_timeout: "10000",
      "wellvault.company": tenant.companyId,
      "wellvault.token": tokens.sign(tenant.companyId, 10_000),
    };
    await login.query(pin, pinValues({ role: tenant.vault, settings }));
    expect((await login.query("select external_id from employees")).rowCount).toBeGreaterThan(0);
    if (end) await login.query(end);
  }

  /** Reads B as its role in a transaction that claims to be pinned to it, but for a token. */
  async function readAsB(begin = "begin"): Promise<string | undefined> {
    if (begin) await login.query(begin);
    await login.query(`select set_config('wellvault.company', '${b.companyId}', true)`);
    await login.query(`select set_config('wellvault.token', '', true)`);
    await login.query(`set local role ${b.vault}`);
    const met = await login.query(`select external_id from ${b.vault}.employees`).then(
      () => "rows",
      (error: unknown) => sqlStateOf(error),
    );
    await login.query("rollback");
    return met;
  }

  test("is gone with it, committed or rolled back", async () => {
    for (const end of ["commit", "rollback"]) {
      await admitOnce(b, end);
      expect(await readAsB()).toBe("WV001");
    }
  });

  test("is for one company: a transaction of A that becomes B is refused", async () => {
    await admitOnce(a, "");
    await login.query("reset role");
    expect(await readAsB("")).toBe("WV001");
  });

  test("cannot be made without a token", async () => {
    // A session that was never admitted.
    expect(await readAsB()).toBe("55000");
    for (const role of ["wellvault_app", b.vault]) {
      await login.query("begin");
      await login.query(`set local role ${role}`);
      for (const sql of [
        "select setval('guard.admission', 1)",
        "select nextval('guard.admission')",
        "select currval('guard.admission')",
        "select last_value from guard.admission",
        "create or replace temporary sequence guard.admission",
      ]) {
        await login.query("savepoint here");
        const met = await login.query(sql).catch((error: unknown) => sqlStateOf(error));
        expect(met, `${role}: ${sql}`).toMatch(/^(42501|42601)$/);
        await login.query("rollback to here");
      }
      await login.query("rollback");
    }
  });

  test("cannot be counterfeited by operators and functions of a search path", async () => {
    const { admin } = plane.database;
    await admin.query(`
      create schema evil;
      grant usage on schema evil to public;
      create function evil.yes(text, text) returns boolean language sql immutable as 'select true';
      create function evil.yes(bigint, bigint) returns boolean language sql immutable as 'select true';
      create operator evil.= (leftarg = text, rightarg = text, function = evil.yes);
      create operator evil.= (leftarg = bigint, rightarg = bigint, function = evil.yes);
      create function evil.currval(regclass) returns bigint language sql as 'select 1::bigint';
      create function evil.current_setting(text, boolean) returns text language sql as 'select null::text';
      create function evil.coalesce(text, text) returns text language sql as 'select $1'`);
    try {
      await admitOnce(a, "");
      await login.query("reset role");
      await login.query("set local search_path = evil, pg_catalog");
      expect((await login.query("select 'a'::text = 'b'::text as mistaken")).rows).toEqual([{ mistaken: true }]);
      expect(await readAsB("")).toBe("WV001");
    } finally {
      await admin.query("drop schema evil cascade");
    }
  });

  test("is not needed: a transaction that may not write is checked at each statement", async () => {
    await admitOnce(b, "commit", "begin read only");
    expect(await readAsB("begin read only")).toBe("55000");
    await admitOnce(b, "commit");
    expect(await readAsB("begin read only")).toBe("WV001");
  });
});

test("keys are changed without a call that fails: both are taken until the old one is retired", async () => {
  const { admin } = plane.database;
  const next = deriveTokenKey("the next secret");
  const [old, fresh] = [processWith(), processWith(next)];
  expect(await read(fresh, a)).toBe("WV001");
  await admin.query("select guard.install_key($1, $2)", [next.id, next.secret]);
  expect(await read(old, a)).toEqual([{ external_id: "company-a" }]);
  expect(await read(fresh, a)).toEqual([{ external_id: "company-a" }]);

  const retired = await admin.query("select guard.retire_keys($1) as count", [next.id]);
  expect(retired.rows).toEqual([{ count: 1 }]);
  expect(await read(old, a)).toBe("WV001");
  expect(await read(fresh, b)).toContainEqual({ external_id: "company-b" });
  await expect(admin.query("select guard.retire_keys('0000000000000000')")).rejects.toMatchObject({ code: "P0002" });

  await admin.query("select guard.install_key($1, $2)", [testTokenKey.id, testTokenKey.secret]);
  expect(await read(old, a)).toEqual([{ external_id: "company-a" }]);
  await Promise.all([old.close(), fresh.close()]);
});

test("the database's check is HMAC-SHA-256 for every key and message", async () => {
  const { admin } = plane.database;
  for (let n = 0; n < 20; n++) {
    const key = deriveTokenKey(`secret ${n}`);
    const company = randomUUID();
    await admin.query("select guard.install_key($1, $2)", [key.id, key.secret]);
    const ask = async (token: string, of: string) =>
      (await admin.query("select set_config('wellvault.token', $1, false), guard.token_is_for($2)", [token, of]))
        .rows[0].token_is_for as boolean;
    const token = createTenantTokens(key).sign(company, 1_000);
    expect(await ask(token, company)).toBe(true);
    expect(await ask(token, a.companyId)).toBe(false);
    expect(await ask(`${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`, company)).toBe(false);
  }
  await admin.query("select guard.retire_keys($1)", [testTokenKey.id]);
});

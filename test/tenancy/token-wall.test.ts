import { createHmac, randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExtendedClient } from "../../src/database/extended-client.ts";
import { loginUrl } from "../../src/database/logins.ts";
import { sqlStateOf } from "../../src/database/sqlstate.ts";
import { statement } from "../../src/database/statement.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { openTenantSessions, type TenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { refusesAtPlanning } from "../support/versions.ts";

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

/** What a statement without a valid token is answered. */
const nothing = refusesAtPlanning ? "WV001" : [];

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

  test("and shows nothing for one of another company", async () => {
    const sessions = processWith();
    expect(await read(sessions, { ...a, companyId: b.companyId })).toEqual(nothing);
    expect(await read(sessions, { ...b, vault: a.vault })).toEqual(nothing);
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
    expect(rows.map((row) => row.name)).toEqual(["counters", "employees", "log_entries", "sample_sources", "samples"]);
    await login.query(`begin; set local role ${b.vault}; set local search_path = ${b.vault}`);
    const outcome = async (sql: string) => {
      await login.query("savepoint here");
      const met = await login.query(sql).then(
        ({ rowCount }) => (rowCount === 0 ? [] : "rows"),
        (error: unknown) => sqlStateOf(error),
      );
      await login.query("rollback to here");
      return met;
    };
    for (const { name } of rows) expect(await outcome(`select * from ${name}`)).toEqual(nothing);
    expect(await outcome("update employees set team = 'x'")).toEqual(nothing);
    await expect(
      login.query("insert into employees (employee_no, employee_id, external_id) values (9, $1, 'x')", [randomUUID()]),
    ).rejects.toMatchObject({ code: refusesAtPlanning ? "WV001" : "42501" });
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
  // The same plan, whatever is asked for: nothing is scanned and nothing estimated.
  const blind = await explain("delete_time is null and external_id = 'nobody'");
  expect(blind).toMatch(refusesAtPlanning ? /^WV001$/ : /One-Time Filter: false/);
  for (const where of [there, guess, "true", "employee_no = 5"]) expect(await explain(where)).toBe(blind);
  // The control: under a token of B the plan tells all of it.
  const token = createTenantTokens(testTokenKey).sign(b.companyId, 10_000);
  expect(await explain(there, token)).not.toBe(await explain(guess, token));
  expect(await explain(guess, token)).toMatch(/rows=399/);
  await login.end();
});

test("a plan that was kept under a token of B shows nothing once the token is another or none", async () => {
  const login = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
  await login.connect();
  const tokens = createTenantTokens(testTokenKey);
  const count = async (token: string, run = "execute kept") => {
    await login.query("begin");
    try {
      await login.query(`set local wellvault.token = '${token}'; set local role ${b.vault}`);
      return (await login.query(run)).rowCount;
    } finally {
      await login.query("commit");
    }
  };
  const own = tokens.sign(b.companyId, 10_000);
  await count(own, `prepare kept as select employee_no from ${b.vault}.employees`);
  expect(await count(own)).toBeGreaterThan(0);
  // The plan is a kept one: it has no parameters to be planned anew for.
  expect(await count(own)).toBeGreaterThan(0);
  for (const token of [tokens.sign(a.companyId, 10_000), "", "x"]) expect(await count(token)).toBe(0);
  // Nor once its own has expired.
  const expiry = Math.floor(Date.now() / 1_000) + 3;
  const mac = createHmac("sha256", testTokenKey.secret).update(`${b.companyId}.${expiry}`).digest("hex");
  const short = `${testTokenKey.id}.${expiry}.${mac}`;
  await login.query("deallocate kept");
  await count(short, `prepare kept as select employee_no from ${b.vault}.employees`);
  expect(await count(short)).toBeGreaterThan(0);
  await new Promise((done) => setTimeout(done, expiry * 1_000 + 500 - Date.now()));
  expect(await count(short)).toBe(0);
  await login.end();
  // So a plan is not kept by the service: it would show nothing as soon as the token is renewed.
  const client: pg.Client = new ExtendedClient();
  expect(() => client.query({ name: "kept", text: "select 1" })).toThrow("a named statement keeps its plan");
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

import { glob } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import pg from "pg";
import Cursor from "pg-cursor";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import type { Pin } from "../../src/database/pin.ts";
import { maxVaults, PinnedClient } from "../../src/database/pinned-client.ts";
import { fragment, type Statement, statement } from "../../src/database/statement.ts";
import { markValues } from "../../src/database/statement-marks.ts";
import { openTenantSessions, type TenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { expectQuiet } from "../support/locks.ts";
import { testTokenKey } from "../support/migrate.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { openWireTap, type WireTap } from "../support/wire-tap.ts";

let plane: PinnedPlane;
let tap: WireTap;
let sessions: TenantSessions;
let a: TenantEntry;
const tokens = createTenantTokens(testTokenKey);
const signal = new AbortController().signal;

beforeAll(async () => {
  plane = await openPinnedPlane(1);
  a = await plane.provision("company-a");
  tap = await openWireTap(plane.database.url);
  sessions = openTenantSessions({
    urlOf: (login) => tap.through(loginUrl(plane.database.url, login, undefined)),
    loginCount: 1,
    tokens,
    poolSize: 1,
    entities: [],
    onWarning: () => undefined,
  });
  await open().query(count, []);
  await open().query(count, []);
});
beforeEach(async () => {
  // The clean-up after the last test is sent by now.
  await open().query(count, []);
  tap.clear();
});
afterAll(async () => {
  await sessions.close();
  await tap.close();
  await plane.close();
});

const count = statement<[], { count: number }>`select count(*)::integer as count from employees`;
const open = () => sessions.open({ tenant: a, signal, timeoutMs: 10_000 });

/** The letters of the protocol's messages that were sent, such as `BDES` for a statement that is bound and executed. */
const letters = () => tap.sent.map(({ type }) => type).join("");

function pinTo(tenant: TenantEntry): Pin {
  return {
    role: tenant.vault,
    settings: {
      search_path: `"${tenant.vault}", pg_temp`,
      statement_timeout: "10000",
      "wellvault.company": tenant.companyId,
      "wellvault.token": tokens.sign(tenant.companyId, 10_000),
    },
  };
}

async function connect(): Promise<PinnedClient> {
  const client = new PinnedClient(loginUrl(plane.database.url, "wellvault_app", undefined));
  await client.connect();
  return client;
}

describe("what goes to the server", () => {
  test("for a lone statement: the pin, which is parsed already, the statement, and one Sync", async () => {
    await open().query(count, []);
    expect(letters()).toBe("BEPBDES");
  });

  test("for a transaction: BEGIN, pin and first statement with one Sync, then the commit", async () => {
    await open().transaction(async (transaction) => {
      await transaction.query(count, []);
      await transaction.query(count, []);
    });
    expect(letters().startsWith("PBDEBEPBDESPBDESPBDES")).toBe(true);
    expect(tap.statements().map((text) => text.trim().split(/\s/)[0])).toEqual(["begin", "select", "select", "commit"]);
  });

  test("for a transaction that says which statement is its last: the commit in one write with it", async () => {
    await open().transaction(async (transaction) => {
      await transaction.query(count, []);
      await transaction.finish(count, []);
    });
    expect(letters()).toMatch(/^PBDEBEPBDESPBDEPBDES/);
    const words = tap.statements().map((text) => text.trim().split(/\s/)[0]);
    expect(words.slice(0, 4)).toEqual(["begin", "select", "select", "commit"]);
  });

  test("for a transaction whose last statement is its first: what a lone statement sends", async () => {
    await open().transaction(async (transaction) => await transaction.finish(count, []));
    expect(letters()).toMatch(/^BEPBDES/);
    expect(tap.statements()[0]).toBe(count.text);
  });

  test("for a lone text that is not the source's and may end a transaction: BEGIN and COMMIT in the same write", async () => {
    await open().query(statement<[], never>("explain select 1"), []);
    expect(letters()).toMatch(/^P?BEBEPBDEP?BES/);
  });

  test("for one that begins as a data command, which cannot: what a lone statement sends", async () => {
    await open().query(statement<[], never>(" select 1"), []);
    expect(letters()).toMatch(/^BEPBDES/);
  });

  test("for a transaction of another kind: BEGIN and COMMIT, also around one statement", async () => {
    const client = await connect();
    await client.query("start transaction isolation level serializable");
    const { rows } = (await client.query(
      "show transaction_isolation",
      markValues([], { isLast: true, isLiteral: true }),
    )) as pg.QueryResult;
    await client.query("commit");
    expect(rows).toEqual([{ transaction_isolation: "serializable" }]);
    expect(client.getTransactionStatus()).toBe("I");
    await client.end();
  });

  test("for a statement with several values: BEGIN and COMMIT around them, which are parsed once", async () => {
    const client = new PinnedClient(tap.through(loginUrl(plane.database.url, "wellvault_app", undefined)));
    await client.connect();
    await client.runPinned(pinTo(a), count, [[]]);
    tap.clear();
    await client.runPinned(pinTo(a), count, [[], []]);
    expect(letters()).toBe("PBEPBEPBDEBDEPBES");
    tap.clear();
    await client.runPinned(pinTo(a), count, [[], [], []]);
    expect(letters()).toBe("BEBEPBDEBDEBDEBES");
    await client.end();
  });

  test("by one write to the socket each, a lone statement, one that is run for several values, and a transaction", async () => {
    const client = await connect();
    const last = markValues([], { isLast: true, isLiteral: true });
    // The first time the connection asks for its backend, too.
    await client.runPinned(pinTo(a), count, [[]]);
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    const write = vi.spyOn(stream, "write");
    await client.runPinned(pinTo(a), count, [[]]);
    expect(write).toHaveBeenCalledTimes(1);
    await client.runPinned(pinTo(a), count, [[], [], []]);
    expect(write).toHaveBeenCalledTimes(2);
    await client.query("begin");
    await client.query("select 1", last);
    await client.query("commit");
    expect(write).toHaveBeenCalledTimes(3);
    await client.end();
  });

  test("for a transaction without a statement: nothing", async () => {
    expect(await open().transaction(async () => "nothing")).toBe("nothing");
    expect(letters()).toBe("");
  });

  test("after a statement of the source: nothing; after any other: the clean-up", async () => {
    const cleaning = () => tap.statements().filter((text) => text.startsWith("discard temp"));
    await open().query(count, []);
    await open().query(count, []);
    expect(cleaning()).toHaveLength(0);
    await open().query(statement<[], never>("select 1"), []);
    await open().query(count, []);
    expect(cleaning()).toHaveLength(1);
  });

  test("for the clean-up: eight statements in one write with one Sync, by the extended protocol as everything else", async () => {
    await open().query(statement<[], never>("select 1"), []);
    await open().query(count, []);
    expect(letters()).toBe(`BEPBDES${"PBE".repeat(8)}SPBEPBDES`);
  });
});

describe("a clean-up", () => {
  async function used() {
    const client = await connect();
    const release = vi.fn();
    Object.assign(client, { release });
    await client.query("set work_mem = '1MB'");
    return { client, release };
  }

  test("takes what was left, and gives the connection back", async () => {
    const { client, release } = await used();
    client.release?.();
    await vi.waitFor(() => expect(release).toHaveBeenCalledExactlyOnceWith());
    const { rows } = await client.query("show work_mem");
    expect(rows).not.toEqual([{ work_mem: "1MB" }]);
    await client.end();
  });

  test("that comes to no end has the connection closed", async () => {
    const { client, release } = await used();
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    vi.spyOn(stream, "write").mockReturnValue(true);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      client.release?.();
      await vi.advanceTimersByTimeAsync(4_900);
      expect(release).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(200);
    } finally {
      vi.useRealTimers();
    }
    expect(release).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ message: expect.stringContaining("in time") }),
    );
    stream.destroy();
  });

  test("that the server refuses has the connection closed", async () => {
    const { client, release } = await used();
    await plane.database.admin.query("select pg_terminate_backend($1)", [
      (client as unknown as { processID: number }).processID,
    ]);
    client.release?.();
    await vi.waitFor(() => expect(release).toHaveBeenCalledExactlyOnceWith(expect.any(Error)));
  });
});

describe("a statement", () => {
  test("is literal only when all of it stands in the source", () => {
    const text = "select 1";
    expect(statement`select 1`.isLiteral).toBe(true);
    expect(statement`select ${fragment`1 as ${fragment`one`}`}`).toMatchObject({
      text: "select 1 as one",
      isLiteral: true,
    });
    expect(statement(text).isLiteral).toBe(false);
    expect(() => statement`select ${{ text: "1" }}`).toThrow("no fragment");
    expect(() => statement`select ${"1" as never}`).toThrow("no fragment");
    expect(() => fragment`${"1" as never}`).toThrow("no fragment");
    expect(() => statement(Object.assign([text], { raw: [text] }))).toThrow("no template literal");
  });

  test("is one of those that leave nothing on their connection, wherever it is declared", async () => {
    const leaving =
      /\b(set_config|set|reset|prepare|declare|listen|notify|nextval|setval|pg_advisory\w*|temp|temporary|lo_\w+)\b/i;
    const found: string[] = [];
    for await (const file of glob("src/{logs,metrics,employees}/**/*.ts", {
      cwd: join(import.meta.dirname, "../.."),
    })) {
      const module = (await import(join(import.meta.dirname, "../..", file))) as Record<string, unknown>;
      for (const value of Object.values(module)) {
        if (typeof value !== "object" || value === null || !("isLiteral" in value)) continue;
        const { text, isLiteral } = value as Statement<[], unknown>;
        found.push(text);
        expect(isLiteral, text).toBe(true);
        // "set" belongs to an update.
        const words = text.replace(/\bupdate\s+\w+(\s+as\s+\w+)?\s+set\b|\bdo update set\b/gi, "");
        expect(words).not.toMatch(leaving);
      }
    }
    expect(found.length).toBeGreaterThan(8);
    // The control: these would be seen.
    expect("select set_config('a', 'b', false)").toMatch(leaving);
    expect("listen x").toMatch(leaving);
  });
});

describe("a client", () => {
  test("refuses a lone statement inside a transaction: its pin would not end with it", async () => {
    const client = await connect();
    await client.query("begin");
    await expect(client.runPinned(pinTo(a), count, [[]])).rejects.toThrow("in a transaction");
    await client.end();
  });

  test("runs nothing after the last statement of a transaction", async () => {
    const client = await connect();
    await client.query("begin");
    await client.query("select 1", markValues([], { isLast: true, isLiteral: false }));
    await expect(client.query("select 2", [])).rejects.toThrow("the transaction is over");
    const cursor = client.query(new Cursor("select 2") as never) as unknown as Cursor;
    await expect(cursor.read(1)).rejects.toThrow("the transaction is over");
    await client.query("commit");
    expect((await client.query("select 3 as three", [])) as unknown).toMatchObject({ rows: [{ three: 3 }] });
    await client.end();
  });

  test("ends a transaction whose only statement failed with nothing more to send, and does not take it for committed", async () => {
    const client = await connect();
    const only = markValues([], { isLast: true, isLiteral: true });
    await client.query("begin");
    await expect(client.query("select 1 / 0", only)).rejects.toMatchObject({ code: "22012" });
    await expect(client.query("select 2", [])).rejects.toThrow("the transaction is over");
    await expect(client.query("commit") as Promise<unknown>).rejects.toThrow("nothing of it was committed");
    await client.query("begin");
    await expect(client.query("select 1 / 0", only)).rejects.toMatchObject({ code: "22012" });
    await client.query("rollback");
    expect((await client.query("select 3 as three", [])) as unknown).toMatchObject({ rows: [{ three: 3 }] });
    await client.end();
  });

  test("says so when the last statement committed nothing, because an error was passed over", async () => {
    const client = await connect();
    await client.query("begin");
    await expect(client.query("select 1 / 0", [])).rejects.toMatchObject({ code: "22012" });
    await expect(client.query("select 1", markValues([], { isLast: true, isLiteral: false }))).rejects.toMatchObject({
      code: "25P02",
    });
    await client.query("rollback");
    await client.end();
  });

  test("sends nothing of a value that cannot be sent, and is good for the next statement", async () => {
    const client = await connect();
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const echo = statement<[unknown], { echo: string }>`select $1::text as echo`;
    await expect(client.runPinned(pinTo(a), echo, [[circular]])).rejects.toThrow(/circular/i);
    expect(await client.runPinned(pinTo(a), echo, [["a"], ["b"]])).toEqual([[{ echo: "a" }], [{ echo: "b" }]]);
    await client.end();
  });

  test("does nothing of several executions when one fails, keeps no lock of it and needs no new connection", async () => {
    const add = statement<
      [no: number],
      never
    >`insert into sample_sources (source_no, slug, daily) values ($1::smallint, 'x', $1 = 7)`;
    const client = await connect();
    await expect(client.runPinned(pinTo(a), add, [[1], [2], [1]])).rejects.toMatchObject({ code: "23505" });
    expect(client.getTransactionStatus()).toBe("I");
    await expectQuiet(plane.database);
    const left = statement<[], unknown>`select from sample_sources`;
    expect(await client.runPinned(pinTo(a), left, [[]])).toEqual([[]]);
    await client.end();
  });

  test("that was pinned to many vaults is replaced when it is given back", async () => {
    const pool = new pg.Pool({
      Client: PinnedClient,
      connectionString: loginUrl(plane.database.url, "wellvault_app", undefined),
      max: 1,
    } as pg.PoolConfig);
    const one = statement<[], never>`select 1 as one`;
    const use = async (vaults: number) => {
      const client = (await pool.connect()) as unknown as PinnedClient & { processID: number; release(): void };
      // Roles that are not there count as well: what is pinned is not known before.
      for (let n = 0; n < vaults; n++) {
        await expect(client.runPinned({ ...pinTo(a), role: `v_${n}` }, one, [[]])).rejects.toThrow("role is missing");
      }
      client.release();
      return client.processID;
    };
    const first = await use(0);
    expect(await use(maxVaults + 1)).toBe(first);
    expect(await use(0)).not.toBe(first);
    await pool.end();
  });
});

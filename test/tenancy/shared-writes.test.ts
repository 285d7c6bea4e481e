import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import { createSharedWrites, type SharedRunner, type WriteItem } from "../../src/tenancy/shared-writes.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
let a: TenantEntry;
let b: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(4);
  a = await plane.provision("company-a");
  b = await plane.provision("company-b");
  for (const { vault } of [a, b]) {
    await plane.database.admin.query(
      `insert into ${vault}.employees (employee_no, employee_id, external_id) values (1, gen_random_uuid(), 'E-1')`,
    );
  }
});
afterAll(() => plane.close());

/** Adds a source, whose number must be free, and tells which transaction did it. */
const add = statement<[no: number, slug: string], { source_no: number; transaction: string }>`
  insert into sample_sources (source_no, slug, daily)
  values ($1, $2, false)
  returning source_no, xmin::text as transaction
`;

let next = 1;
const write = (tenant: TenantEntry, no = next++, signal?: AbortSignal) =>
  plane.open(tenant, signal).write(add, [no, `source-${no}`], String(no));

async function stored(tenant: TenantEntry): Promise<number[]> {
  const { rows } = await plane.database.admin.query<{ no: number }>(
    `select source_no as no from ${tenant.vault}.sample_sources order by 1`,
  );
  return rows.map(({ no }) => no);
}

describe("writes of one tenant that wait at the same time", () => {
  test("share transactions, and each gets its own rows", async () => {
    const first = next;
    const results = await Promise.all(Array.from({ length: 200 }, () => write(a)));
    expect(results.map(([row]) => row?.source_no)).toEqual(Array.from({ length: 200 }, (_, n) => first + n));
    const transactions = new Set(results.map(([row]) => row?.transaction));
    expect(transactions.size).toBeLessThan(100);
    expect(await stored(a)).toEqual(expect.arrayContaining(results.map(([row]) => row?.source_no)));
  });

  test("do not when they come one after another: each has its own", async () => {
    const results = [];
    for (let n = 0; n < 5; n++) results.push(await write(a));
    expect(new Set(results.map(([row]) => row?.transaction)).size).toBe(5);
  });

  test("do not when they lock the same rows: two transactions could wait for each other", async () => {
    const session = plane.open(a);
    const results = await Promise.all(
      Array.from({ length: 20 }, () => {
        const no = next++;
        return session.write(add, [no, `source-${no}`], "the same");
      }),
    );
    expect(new Set(results.map(([row]) => row?.transaction)).size).toBe(20);
  });

  test("fail alone when they are bad, and every other one is stored", async () => {
    const taken = next;
    await write(a);
    const wanted = Array.from({ length: 60 }, (_, n) => (n % 10 === 7 ? taken : next++));
    const results = await Promise.allSettled(wanted.map((no) => write(a, no)));
    for (const [index, result] of results.entries()) {
      if (wanted[index] === taken) expect(result).toMatchObject({ status: "rejected", reason: { code: "23505" } });
      else expect(result).toMatchObject({ status: "fulfilled", value: [{ source_no: wanted[index] }] });
    }
    expect(await stored(a)).toEqual(expect.arrayContaining(wanted));
  });

  test("are stored while a row that one of them wants is locked, the first time and afterwards", async () => {
    const blocker = new pg.Client({ connectionString: plane.database.url });
    await blocker.connect();
    const locked = next++;
    const values = `(${locked}, 'held', false)`;
    await blocker.query(`begin; insert into ${a.vault}.sample_sources (source_no, slug, daily) values ${values}`);
    // The row is still held when all others are stored.
    const storeOthers = async () =>
      expect((await Promise.all(Array.from({ length: 40 }, () => write(a)))).flat()).toHaveLength(40);
    const gone = write(a, locked, AbortSignal.timeout(500)).catch((error: unknown) => error);
    await storeOthers();
    expect(await gone).toBeInstanceOf(Error);

    const patient = write(a, locked);
    await storeOthers();
    await blocker.query("rollback");
    await blocker.end();
    expect(await patient).toMatchObject([{ source_no: locked }]);
  });

  test("are not run once their caller has gone, and the others are", async () => {
    const gone = new AbortController();
    const leaving = next;
    const writes = Array.from({ length: 80 }, (_, n) => (n === 70 ? write(a, next++, gone.signal) : write(a)));
    gone.abort();
    const results = await Promise.allSettled(writes);
    expect(results.map(({ status }) => status).filter((status) => status === "rejected")).toHaveLength(1);
    expect(results[70]).toMatchObject({ status: "rejected", reason: { reason: expect.anything() } });
    expect(await stored(a)).not.toContain(leaving + 70);
  });

  test("never meet another tenant's: no transaction wrote for two", async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => ({ tenant: n % 2 ? a : b, rows: await write(n % 2 ? a : b) })),
    );
    const tenantsOf = new Map<string | undefined, Set<string>>();
    for (const { tenant, rows } of results) {
      const transaction = rows[0]?.transaction;
      tenantsOf.set(transaction, (tenantsOf.get(transaction) ?? new Set()).add(tenant.tenantId));
    }
    for (const tenants of tenantsOf.values()) expect(tenants.size).toBe(1);
    expect(tenantsOf.size).toBeLessThan(200);
  });

  test("are told that nobody knows when the connection is lost, and none is stored twice", async () => {
    const { admin } = plane.database;
    const blocker = new pg.Client({ connectionString: plane.database.url });
    await blocker.connect();
    await blocker.query(`begin; lock table ${a.vault}.sample_sources in share mode`);
    const settled = Promise.allSettled(Array.from({ length: 40 }, () => write(a)));
    await letAStatementWait();
    await admin.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    await blocker.end();
    const results = await settled;
    const lost = results.filter(({ status }) => status === "rejected");
    expect(lost.length).toBeGreaterThan(0);
    for (const result of lost) {
      expect(result).toMatchObject({ reason: { reason: ErrorReason.COMMIT_UNKNOWN } });
    }
    const numbers = await stored(a);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const result of results) {
      if (result.status === "fulfilled") expect(numbers).toContain(result.value[0]?.source_no);
    }
  });
});

test("a turn that never came is told to those who waited for it, and not to a write that came later", async () => {
  const turns: PromiseWithResolvers<void>[] = [];
  const writes = createSharedWrites();
  const runner: SharedRunner<WriteItem> = {
    together: async (items) => items.map(({ lock }) => lock),
    alone: async ({ lock }) => lock,
    async inTurn(work) {
      const turn = Promise.withResolvers<void>();
      turns.push(turn);
      await turn.promise;
      await work();
    },
    isUndone: () => true,
    explain: (error) => error,
  };
  const { signal } = new AbortController();
  const run = (lock: string) => writes.run("vault", { lock, weight: 1, rows: undefined, signal }, runner);
  // Each asks for a turn. The first one serves both, and the second's asking goes on.
  const [one, two] = [run("one"), run("two")];
  turns[0]?.resolve();
  expect(await Promise.all([one, two])).toEqual(["one", "two"]);
  const late = run("late");
  turns[1]?.reject(new Error("no turn"));
  await new Promise(setImmediate);
  for (const { resolve } of turns) resolve();
  expect(await late).toBe("late");
  // The control: who waited for the turn is told.
  const waiting = run("waiting");
  turns.at(-1)?.reject(new Error("no turn"));
  await expect(waiting).rejects.toThrow("no turn");
});

test("only what the database refused sets its lock apart, and not a write that never had its turn", async () => {
  const together: string[][] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  let hasTurns = true;
  let losesTurns = false;
  let refused: string | undefined;
  const writes = createSharedWrites();
  const runner: SharedRunner<WriteItem> = {
    async together(items) {
      together.push(items.map(({ lock }) => lock));
      hasTurns = !losesTurns;
      if (losesTurns) throw new Error("failed together");
      if (items.some(({ lock }) => lock === refused)) throw new Error("refused");
      return items.map(({ lock }) => lock);
    },
    async alone({ lock }) {
      if (lock === "gate") {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        await gate.promise;
      }
      if (lock === refused) throw new Error("refused");
      return lock;
    },
    async inTurn(work) {
      if (!hasTurns) throw new Error("no turn");
      await work();
    },
    isUndone: () => true,
    explain: (error) => error,
  };
  const { signal } = new AbortController();
  const run = (lock: string) => writes.run("vault", { lock, weight: 1, rows: undefined, signal }, runner);
  /** Lets the two locks wait at the same time, behind as many transactions as run at once. */
  const runBoth = async () => {
    const before = Array.from({ length: 4 }, () => run("gate"));
    await new Promise(setImmediate);
    const both = Promise.allSettled([run("one"), run("two")]);
    for (const gate of gates.splice(0)) gate.resolve();
    await Promise.all(before);
    return await both;
  };
  losesTurns = true;
  expect(await runBoth()).toMatchObject([{ reason: new Error("no turn") }, { reason: new Error("no turn") }]);
  losesTurns = false;
  hasTurns = true;
  await runBoth();
  expect(together).toEqual([
    ["one", "two"],
    ["one", "two"],
  ]);
  // The control: "one" is refused by itself, too, and is shared with nobody for a while.
  refused = "one";
  expect((await runBoth()).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  refused = undefined;
  const count = together.length;
  await runBoth();
  expect(together).toHaveLength(count);
});

describe("a crowd of writes of one lock", () => {
  /** Writes whose turns come when the test says so. */
  function openCrowd() {
    const turns: (() => void)[] = [];
    const writes = createSharedWrites();
    let isFailing = false;
    const orFail = <T>(value: T): T => {
      if (isFailing) throw new Error("refused");
      return value;
    };
    const runner: SharedRunner<WriteItem> = {
      together: async (items) => orFail(items.map(({ lock }) => lock)),
      alone: async ({ lock }) => orFail(lock),
      async inTurn(work) {
        await new Promise<void>((done) => turns.push(done));
        await work();
      },
      isUndone: () => true,
      explain: (error) => error,
    };
    const run = (lock: string, signal = new AbortController().signal, weight = 1) =>
      writes.run("vault", { lock, weight, rows: undefined, signal }, runner);
    /** Gives turns until nobody asks for one, and returns how many. */
    const giveTurns = async () => {
      let count = 0;
      for (; turns.length > 0; count++) {
        turns.shift()?.();
        await new Promise(setImmediate);
      }
      return count;
    };
    const fail = (is: boolean) => {
      isFailing = is;
    };
    return { run, giveTurns, fail };
  }

  test("whose callers have gone takes no turns and keeps nobody waiting", async () => {
    const { run, giveTurns } = openCrowd();
    const gone = new AbortController();
    const crowd = Array.from({ length: 20_000 }, () => run("one", gone.signal));
    const others = [run("one"), run("two")];
    gone.abort(new Error("gone"));
    const settled = Promise.allSettled(crowd);
    // Four ask for turns, and then there is nothing left to ask for.
    expect(await giveTurns()).toBeLessThan(10);
    expect(await Promise.all(others)).toEqual(["one", "two"]);
    expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set(["rejected"]));
  });

  test("is served one after the other, and lets other locks in between", async () => {
    const { run, giveTurns } = openCrowd();
    const order: string[] = [];
    const note = (name: string) => (lock: unknown) => order.push(`${String(lock)} ${name}`);
    const crowd = Array.from({ length: 100 }, (_, n) => run("one").then(note(String(n))));
    const other = run("two").then(note("other"));
    await giveTurns();
    await Promise.all([...crowd, other]);
    expect(order.filter((name) => name.startsWith("one"))).toEqual(crowd.map((_, n) => `one ${n}`));
    expect(order.indexOf("two other")).toBeLessThan(5);
  });

  test("is turned away when too much waits, and not when that has been served", async () => {
    const { run, giveTurns } = openCrowd();
    const waiting = Array.from({ length: 300 }, () => run("one", undefined, 1_000));
    await expect(run("two")).rejects.toMatchObject({ reason: ErrorReason.OVERLOADED });
    await giveTurns();
    await Promise.all(waiting);
    const late = run("two");
    await giveTurns();
    expect(await late).toBe("two");
  });

  test("is turned away, too, where each of its writes runs alone because the one before it failed", async () => {
    const { run, giveTurns, fail } = openCrowd();
    fail(true);
    const failing = Promise.allSettled([
      ...Array.from({ length: 4 }, (_, n) => run(`gate ${n}`)),
      run("one"),
      run("two"),
    ]);
    await giveTurns();
    expect((await failing).map(({ status }) => status)).toContain("rejected");
    fail(false);
    const waiting = Array.from({ length: 300 }, () => run("one", undefined, 1_000));
    await expect(run("one")).rejects.toMatchObject({ reason: ErrorReason.OVERLOADED });
    await giveTurns();
    await Promise.all(waiting);
    const late = run("one");
    await giveTurns();
    expect(await late).toBe("one");
  });
});

/** Waits until a statement of the data plane waits for a lock. */
async function letAStatementWait(): Promise<void> {
  for (let n = 0; n < 500; n++) {
    const { rowCount } = await plane.database.admin.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    if (rowCount) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error("no statement waits");
}

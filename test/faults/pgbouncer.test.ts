import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantSession } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { interleave } from "../attacks/pool/interleaving.ts";
import { testTokenKey } from "../support/migrate.ts";
import { leavings, strays } from "./pgbouncer-leavings.ts";
import { diesOfCancelling, findPgBouncer, howToInstall } from "./pgbouncer-pooler.ts";
import {
  look,
  openPooledWorld,
  type PooledWorld,
  serverConnections,
  type WriteValues,
  write,
} from "./pgbouncer-world.ts";

const program = findPgBouncer() ?? "";
if (!program) process.stderr.write(`${howToInstall}\n`);
test.runIf(process.env["CI"] === "true")("pgbouncer is installed where everything must be tested", () => {
  expect(program, howToInstall).not.toBe("");
});

const sleep = statement<[seconds: number], object>("select pg_sleep($1)");
let employeeNo = 100;
const next = () => ++employeeNo;

/** Fails unless no server connection holds anything of a caller, and each serves every tenant. */
async function expectClean(world: PooledWorld): Promise<void> {
  expect(await leavings(world)).toEqual([]);
  const { wrong, seenBy } = await strays(world);
  expect(wrong).toEqual([]);
  expect(seenBy.size).toBe(serverConnections);
  for (const tenants of seenBy.values()) expect([...tenants].sort()).toEqual(["alpha", "bravo", "charlie"]);
  expect(await leavings(world)).toEqual([]);
}

/** Waits until so many statements sleep in the server. */
async function asleep(world: PooledWorld, count: number): Promise<void> {
  const sleeping = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
  await expect.poll(() => world.admin(sleeping), { interval: 5, timeout: 5_000 }).toHaveLength(count);
}

describe.skipIf(!program)("behind pgbouncer, which lends a server connection for a transaction", () => {
  let world: PooledWorld;
  let a: TenantEntry;
  beforeAll(async () => {
    world = await openPooledWorld({ program, reset: true });
    [a] = world.tenants;
  });
  afterAll(() => world.close());

  /** Runs work of tenant A on every server connection at once. Returns what became of it. */
  const everywhere = (work: (signal: AbortSignal) => Promise<unknown>, abort = new AbortController()) =>
    Promise.allSettled(Array.from({ length: serverConnections }, () => work(abort.signal)));

  test("the time limits that pgbouncer does not pass on are the database's", async () => {
    const shown = await world
      .open(a)
      .transaction(async ({ em }) => [
        ...(await em.execute("show lock_timeout")),
        ...(await em.execute("show idle_in_transaction_session_timeout")),
      ]);
    expect(shown).toEqual([{ lock_timeout: "2s" }, { idle_in_transaction_session_timeout: "5s" }]);
    expect(await world.sessions.ping()).toBe(true);
  });

  describe("no server connection holds anything of a tenant, and every tenant gets it,", () => {
    test("after success", async () => {
      const ended = await everywhere(async () => {
        await world.open(a).query(write, [next(), randomUUID(), a.tenantId]);
        await world.open(a).transaction(async ({ em, query }) => {
          await em.find(EmployeeEntity, {});
          await query(sleep, [0.05]);
        });
      });
      expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
      await expectClean(world);
    });

    test("after an error of the database, alone, first and later in a transaction", async () => {
      const taken: WriteValues = [1, randomUUID(), a.tenantId];
      const ended = await everywhere(async () => {
        await expect(world.open(a).query(write, taken)).rejects.toMatchObject({ code: "23505" });
        await expect(world.open(a).em.execute("select from where")).rejects.toMatchObject({ code: "42601" });
        await world.open(a).transaction(async ({ query }) => {
          await query(sleep, [0.05]);
          await query(write, taken);
        });
      });
      expect(ended).toMatchObject([{ reason: { code: "23505" } }, { reason: { code: "23505" } }]);
      await expectClean(world);
    });

    test("after an error in the handler, before and after its first statement", async () => {
      const ended = await everywhere(async () => {
        const early = world.open(a).transaction(() => Promise.reject(new Error("early")));
        await expect(early).rejects.toThrow("early");
        await world.open(a).transaction(async ({ query }) => {
          await query(write, [next(), randomUUID(), a.tenantId]);
          throw new Error("handler");
        });
      });
      expect(ended).toMatchObject([{ reason: { message: "handler" } }, { reason: { message: "handler" } }]);
      await expectClean(world);
    });

    test("after a cancellation by the signal in a transaction", async () => {
      const abort = new AbortController();
      const ended = everywhere(
        (signal) =>
          world.open(a, { signal, timeoutMs: 1_000 }).transaction(async ({ em, query }) => {
            await em.execute("select 1");
            await query(sleep, [20]);
          }),
        abort,
      );
      await asleep(world, serverConnections);
      abort.abort(errors.cancelled());
      const told = { reason: { reason: ErrorReason.CALL_CANCELLED } };
      expect(await ended).toMatchObject([told, told]);
      await asleep(world, 0);
      await expectClean(world);
    });

    test("after a statement timeout", async () => {
      const ended = await everywhere(() => world.open(a, { timeoutMs: 1 }).query(sleep, [20]));
      const told = { reason: { reason: ErrorReason.DEADLINE_EXCEEDED } };
      expect(ended).toMatchObject([told, told]);
      await expectClean(world);
    });

    test("after clients that vanished in a transaction", async () => {
      const ids = [next(), next()];
      const ended = Promise.allSettled(
        ids.map((id) =>
          // Short, for PostgreSQL does not look whether the client is there while a statement runs.
          world.open(a, { timeoutMs: 1_000 }).transaction(async ({ em, query }) => {
            await em.execute("insert into employees (employee_no, employee_id, external_id) values (?, ?, ?)", [
              id,
              randomUUID(),
              `gone ${id}`,
            ]);
            await query(sleep, [20]);
          }),
        ),
      );
      await asleep(world, serverConnections);
      world.tap.drop();
      const told = { reason: { reason: ErrorReason.DATABASE_UNAVAILABLE } };
      expect(await ended).toMatchObject([told, told]);
      await asleep(world, 0);
      await expectClean(world);
      expect(await world.admin(`select from ${a.vault}.employees where external_id like 'gone%'`)).toEqual([]);
    });

    test("after the server's side was killed, in a transaction and between two", async () => {
      const kill = async () => {
        for (const pid of await world.backends()) await world.admin("select pg_terminate_backend($1, 5000)", [pid]);
      };
      const ended = everywhere(() => world.open(a).transaction(({ query }) => query(sleep, [20])));
      await asleep(world, serverConnections);
      await kill();
      const told = { reason: { reason: ErrorReason.DATABASE_UNAVAILABLE } };
      expect(await ended).toMatchObject([told, told]);
      await expectClean(world);
      await kill();
      await expect.poll(() => world.sessions.ping()).toBe(true);
      await expectClean(world);
    });

    test("after statements that leave something behind on purpose", async () => {
      const lasting = [
        "set default_transaction_read_only = on",
        "set search_path = pg_temp",
        "listen news",
        "prepare poisoned as select 1",
        "declare stolen cursor with hold for select external_id from employees",
        "select pg_advisory_lock(42)::text",
        "commit",
        `set role ${a.vault}`,
        "set wellvault.token = 'left'",
      ];
      for (const text of lasting) {
        await everywhere(() =>
          world.open(a).em.transactional(async (em) => {
            await em.execute("select pg_sleep(0.02)");
            await em.execute(text);
            if (text === "commit") await em.execute(`set role ${a.vault}`);
          }),
        );
        expect(await leavings(world), text).toEqual([]);
      }
      await expectClean(world);
    });
  });

  test("sixteen tasks of three tenants, fifty transactions each, see nothing of each other", async () => {
    const wrong = await interleave({
      open: (tenant) => world.open(tenant),
      tenants: world.tenants,
      tasks: 16,
      rounds: 50,
    });
    expect(wrong).toEqual([]);
    await expectOnlyOwnRows(world);
    for (const { vault } of world.tenants)
      await world.admin(`delete from ${vault}.employees where employee_no >= 1000`);
    await expectClean(world);
  });

  test("what was acknowledged is there once, what was refused is not, whatever happens meanwhile", async () => {
    const before = await counters(world);
    const [acknowledged, unknown] = [new Map<number, TenantEntry>(), new Set<number>()];
    const refused = new Set<number>();
    let running = true;
    const chaos = (async () => {
      for (let turn = 0; running; turn++) {
        await new Promise((done) => setTimeout(done, 150));
        const [pid] = await world.backends();
        if (turn % 3 === 2) world.tap.drop();
        else if (pid !== undefined) await world.admin("select pg_terminate_backend($1)", [pid]);
      }
    })();
    await Promise.all(
      Array.from({ length: 16 }, async (_, task) => {
        for (let round = 0; round < 50; round++) {
          const tenant = world.tenants[(task + round) % 3] ?? a;
          const id = next();
          const abort = new AbortController();
          const session = world.open(tenant, { signal: abort.signal });
          const values: WriteValues = [id, randomUUID(), tenant.tenantId];
          if (round % 14 === 13) setTimeout(() => abort.abort(errors.cancelled()), 3);
          const done =
            round % 2 === 0
              ? session.query(write, values)
              : session.transaction(async ({ query }) => {
                  await query(write, values);
                  await query(look, []);
                  if (round % 5 === 4) throw new Error("handler");
                });
          await done.then(
            () => acknowledged.set(id, tenant),
            (error: unknown) => (isUnknown(error) ? unknown : refused).add(id),
          );
        }
      }),
    );
    running = false;
    await chaos;
    expect(acknowledged.size).toBeGreaterThan(200);
    for (const tenant of world.tenants) {
      const rows = await world.admin<{ no: number }>(
        `select employee_no as no from ${tenant.vault}.employees where employee_no > 100`,
      );
      const stored = new Set(rows.map(({ no }) => no));
      const lost = [...acknowledged].filter(([id, owner]) => owner === tenant && !stored.has(id));
      expect(lost).toEqual([]);
      expect([...stored].filter((id) => refused.has(id))).toEqual([]);
    }
    await expectOnlyOwnRows(world);
    // Each row was counted once in its own transaction: one that was done twice, or half, would show.
    const after = await counters(world);
    for (const [tenantId, { rows, count }] of after) {
      const was = before.get(tenantId);
      expect(rows - (was?.rows ?? 0)).toBe(count - (was?.count ?? 0));
    }
    await expect.poll(() => world.sessions.ping()).toBe(true);
    await expectClean(world);
  });
});

describe.skipIf(!program)("a cancellation by the signal behind pgbouncer ends the statement in PostgreSQL", () => {
  let world: PooledWorld;
  beforeAll(async () => {
    world = await openPooledWorld({ program, reset: true });
  });
  afterAll(() => world.close());

  const cancelled = async (work: (session: TenantSession) => Promise<unknown>): Promise<void> => {
    const abort = new AbortController();
    const ended = work(world.open(world.tenants[0], { signal: abort.signal }));
    ended.catch(() => undefined);
    await asleep(world, 1);
    abort.abort(errors.cancelled());
    // Long before the session's own time limit.
    await asleep(world, 0);
    await expect(ended).rejects.toMatchObject({ reason: ErrorReason.CALL_CANCELLED });
    await expectClean(world);
  };

  // Kysely asks for the end of the process whose number the client was told, and pgbouncer tells a made-up one.
  test.fails("in a transaction", () => cancelled((session) => session.transaction(({ query }) => query(sleep, [12]))));

  // The request for it closes its side of the connection at once.
  const testAlone = diesOfCancelling(program) ? test.fails : test;
  testAlone("alone", () => cancelled((session) => session.query(sleep, [12])));
});

describe.skipIf(!program)("the controls, without the reset after every transaction", () => {
  let world: PooledWorld;
  beforeAll(async () => {
    world = await openPooledWorld({ program, reset: false });
  });
  afterAll(() => world.close());

  test("honest callers leave nothing all the same", async () => {
    await expectClean(world);
  });

  test("a statement that leaves a setting is found", async () => {
    const [a] = world.tenants;
    const client = await world.connect();
    await client.query("set default_transaction_read_only = on");
    await client.end();
    expect((await leavings(world)).join()).toContain("default_transaction_read_only");
    await expect(everyWrite(world, a)).rejects.toThrow();
    await discardAll(world);
  });

  test("a pin for the session is found, and shows the next caller the tenant's rows", async () => {
    const [a] = world.tenants;
    const [first, second] = [await world.connect(), await world.connect()];
    const token = createTenantTokens(testTokenKey).sign(a.companyId, 10_000);
    await first.query(
      `select set_config('search_path', $1, false), set_config('wellvault.token', $2, false),
         set_config('wellvault.company', guard.admit($3), false), set_config('role', $4, false)`,
      [`"${a.vault}", pg_temp`, token, a.companyId, a.vault],
    );
    const { rows } = await second.query("select distinct team from employees");
    expect(rows).toEqual([{ team: a.tenantId }]);
    expect((await leavings(world)).join()).toContain(a.vault);
    await first.end();
    await second.end();
    await discardAll(world);
  });
});

/** Writes on every server connection. */
async function everyWrite(world: PooledWorld, tenant: TenantEntry): Promise<void> {
  await Promise.all(
    Array.from({ length: serverConnections * 4 }, () =>
      world.open(tenant).transaction(async ({ query }) => {
        await query(sleep, [0.02]);
        await query(write, [next(), randomUUID(), tenant.tenantId]);
      }),
    ),
  );
}

/** Ends the server connections, with what is left on them. */
async function discardAll(world: PooledWorld): Promise<void> {
  for (const pid of await world.backends()) await world.admin("select pg_terminate_backend($1, 5000)", [pid]);
}

/** Whether nobody can know if the transaction was done. */
function isUnknown(error: unknown): boolean {
  if (!(error instanceof Error) || !("reason" in error)) return false;
  // A call that is cancelled at its commit is not told which came first.
  return error.reason === ErrorReason.COMMIT_UNKNOWN || error.reason === ErrorReason.CALL_CANCELLED;
}

/** How many rows each tenant has, and how many it counted. */
async function counters(world: PooledWorld): Promise<Map<string, { rows: number; count: number }>> {
  const found = new Map<string, { rows: number; count: number }>();
  for (const { tenantId, vault } of world.tenants) {
    const [row] = await world.admin<{ rows: number; count: number }>(
      `select (select count(*)::integer from ${vault}.employees) as rows, last_value as count
       from ${vault}.counters where name = 'employee'`,
    );
    if (row) found.set(tenantId, row);
  }
  return found;
}

/** Fails when a vault holds a row of another tenant than its own. */
async function expectOnlyOwnRows(world: PooledWorld): Promise<void> {
  for (const { vault, tenantId } of world.tenants) {
    const rows = await world.admin(`select distinct team from ${vault}.employees where team <> ''`);
    expect(rows).toEqual([{ team: tenantId }]);
  }
}

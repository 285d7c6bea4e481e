import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { asleep, expectClean, leavings } from "./pgbouncer-leavings.ts";
import { findPgBouncer, howToInstall } from "./pgbouncer-pooler.ts";
import {
  openPooledWorld,
  type PooledWorld,
  serverConnections,
  sleep,
  type WriteValues,
  write,
} from "./pgbouncer-world.ts";

const program = findPgBouncer() ?? "";
if (!program) process.stderr.write(`${howToInstall}\n`);
test.runIf(process.env["CI"] === "true")("pgbouncer is installed where everything must be tested", () => {
  expect(program, howToInstall).not.toBe("");
});

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
        await world.open(a).query(write, [world.nextNo(), randomUUID(), a.tenantId]);
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

    test("after writes that shared transactions, also such as one of them failed", async () => {
      const put = (numbers: readonly number[]) =>
        Promise.allSettled(numbers.map((no) => world.open(a).write(write, [no, randomUUID(), a.tenantId], String(no))));
      const transactionsOf = async (numbers: readonly number[]) =>
        await world.admin<{ transaction: string }>(
          `select xmin::text as transaction from ${a.vault}.employees where employee_no = any ($1)`,
          [numbers],
        );
      const good = Array.from({ length: 60 }, () => world.nextNo());
      expect((await put(good)).filter(({ status }) => status === "rejected")).toEqual([]);
      const written = await transactionsOf(good);
      expect(written).toHaveLength(60);
      expect(new Set(written.map(({ transaction }) => transaction)).size).toBeLessThan(30);
      await expectClean(world);

      const mixed = Array.from({ length: 60 }, (_, n) => (n === 30 ? 1 : world.nextNo()));
      const ended = await put(mixed);
      const failed = ended.flatMap((end, n) => (end.status === "rejected" ? [{ no: mixed[n], ...end }] : []));
      expect(failed).toMatchObject([{ no: 1, reason: { code: "23505" } }]);
      expect(await transactionsOf(mixed.filter((no) => no !== 1))).toHaveLength(59);
      await expectClean(world);
    });

    test("after an error in the handler, before and after its first statement", async () => {
      const ended = await everywhere(async () => {
        const early = world.open(a).transaction(() => Promise.reject(new Error("early")));
        await expect(early).rejects.toThrow("early");
        await world.open(a).transaction(async ({ query }) => {
          await query(write, [world.nextNo(), randomUUID(), a.tenantId]);
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
      const ids = [world.nextNo(), world.nextNo()];
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
});

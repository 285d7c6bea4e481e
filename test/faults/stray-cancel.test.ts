import { Code } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { errors } from "../../src/errors.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

let plane: PinnedPlane;
let tenant: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(2);
  tenant = await plane.provision("busy");
});
afterAll(() => plane.close());

const count = statement<[], { last_value: number }>(
  "update counters set last_value = last_value + 1 where name = 'employee' returning last_value",
);

/** Runs `work` while nobody else can count. */
async function whileHeld<T>(work: () => Promise<T>): Promise<T> {
  const holder = new pg.Client({ connectionString: plane.database.url });
  await holder.connect();
  try {
    await holder.query(`begin; lock table ${tenant.vault}.counters in access exclusive mode`);
    return await work();
  } finally {
    await holder.end();
  }
}

const blocked = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
const isBlocked = async () => (await plane.database.admin.query(`select ${blocked}`)).rowCount === 1;

test("a cancellation meant for the connection's caller before is not the end of the next one's work", async () => {
  const counting = await whileHeld(async () => {
    const running = plane.open(tenant).query(count, []);
    running.catch(() => undefined);
    await expect.poll(isBlocked, { interval: 10 }).toBe(true);
    await plane.database.admin.query(`select pg_cancel_backend(pid) ${blocked}`);
    await expect.poll(isBlocked, { interval: 10 }).toBe(true);
    return { running };
  });
  expect(await counting.running).toEqual([{ last_value: 1 }]);
});

test("a cancellation by the caller is, and nothing is written", async () => {
  const abort = new AbortController();
  await whileHeld(async () => {
    const running = plane.open(tenant, abort.signal).query(count, []);
    running.catch(() => undefined);
    await expect.poll(isBlocked, { interval: 10 }).toBe(true);
    abort.abort(errors.cancelled());
    await expect(running).rejects.toMatchObject({ code: Code.Canceled });
    await expect.poll(isBlocked, { interval: 10 }).toBe(false);
  });
  expect(await plane.open(tenant).query(count, [])).toEqual([{ last_value: 2 }]);
});

import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { type HeldTable, holdTable } from "../support/locks.ts";
import { letObserve } from "../support/observe.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { startTestService } from "../support/service.ts";

let plane: PinnedPlane;
let tenant: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(1, 1_000);
  await letObserve(plane.database.admin);
  tenant = await plane.provision("busy");
});
afterAll(() => plane.close());

const sleep = statement<[seconds: number], never>("select pg_sleep($1)");
const one = statement<[], { one: number }>("select 1 as one");

test("a call that gets no connection in time is turned away as overload, and the pool is whole afterwards", async () => {
  const abort = new AbortController();
  const sleeping = plane.open(tenant, abort.signal).query(sleep, [20]);
  sleeping.catch(() => undefined);
  const asleep = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
  await expect.poll(async () => (await plane.database.admin.query(asleep)).rowCount, { interval: 10 }).toBe(1);
  // The database is there, so a health check must not send the load to others.
  expect(await plane.sessions.ping()).toBe(true);
  // Two that wait: one until it is turned away, one that gives up before.
  const deadline = new AbortController();
  const waiting = plane.open(tenant).query(one, []);
  const impatient = plane.open(tenant, deadline.signal).query(one, []);
  setTimeout(() => deadline.abort(errors.deadlineExceeded()), 100);
  await Promise.all([
    expect(impatient).rejects.toMatchObject({ code: Code.DeadlineExceeded }),
    expect(waiting).rejects.toMatchObject({ code: Code.ResourceExhausted, reason: ErrorReason.OVERLOADED }),
  ]);

  abort.abort(errors.cancelled());
  await expect(sleeping).rejects.toMatchObject({ code: Code.Canceled });
  // The connection is free again, and the cancellation hits nobody else.
  for (let n = 0; n < 5; n++) expect(await plane.open(tenant).query(one, [])).toEqual([{ one: 1 }]);
});

test("who may wait less than a connection is busy is turned away after WELLVAULT_POOL_WAIT_MS", async () => {
  const service = await startTestService({ poolSize: 1, poolWaitMs: 300 });
  let held: HeldTable | undefined;
  try {
    const tenant = await service.provision();
    const admin = as("company_admin", tenant);
    held = await holdTable(service.database, tenant);
    const first = service.clients.employees.listEmployees({}, admin);
    first.catch(() => undefined);
    await held.waiting();
    const startOfWaiting = async () => {
      const { rows } = await service.database.admin.query<{ start: string }>(
        `select query_start::text as start from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.map(({ start }) => start);
    };
    const start = await startOfWaiting();
    const second = service.clients.employees.listEmployees({}, admin);
    expect(await failureOf(second)).toMatchObject({ code: "ResourceExhausted", reason: "OVERLOADED" });
    // A statement waits two seconds for a lock and is tried again: this is still the first try, so the wait was shorter.
    expect(start.length).toBe(1);
    expect(await startOfWaiting()).toEqual(start);
    await held.release();
    held = undefined;
    expect((await first).employees).toEqual([]);
  } finally {
    await held?.release();
    await service.close();
  }
});

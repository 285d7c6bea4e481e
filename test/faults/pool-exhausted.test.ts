import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { holdTable } from "../support/locks.ts";
import { letObserve } from "../support/observe.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { startTestService } from "../support/service.ts";

let plane: PinnedPlane;
let tenant: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(1);
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

test("WELLVAULT_POOL_WAIT_MS is how long callers wait: one that may wait less than the connection is busy is turned away", async () => {
  // A statement waits two seconds for a lock, three times at most; whoever waits for its connection may wait less.
  for (const [poolWaitMs, isTurnedAway] of [
    [300, true],
    [60_000, false],
  ] as const) {
    const service = await startTestService({ poolSize: 1, poolWaitMs });
    try {
      const tenant = await service.provision();
      const admin = as("company_admin", tenant);
      const held = await holdTable(service.database, tenant);
      const first = service.clients.employees.listEmployees({}, admin);
      first.catch(() => undefined);
      await held.waiting();
      const second = service.clients.employees.listEmployees({}, admin);
      if (isTurnedAway) {
        expect(await failureOf(second)).toMatchObject({ code: "ResourceExhausted", reason: "OVERLOADED" });
      }
      await held.release();
      expect((await first).employees).toEqual([]);
      if (!isTurnedAway) expect((await second).employees).toEqual([]);
    } finally {
      await service.close();
    }
  }
});

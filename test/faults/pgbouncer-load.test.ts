import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { interleave } from "../attacks/pool/interleaving.ts";
import { expectClean } from "./pgbouncer-leavings.ts";
import { findPgBouncer } from "./pgbouncer-pooler.ts";
import { look, openPooledWorld, type PooledWorld, type WriteValues, write } from "./pgbouncer-world.ts";

// Where it is missing, pgbouncer.test.ts says so.
const program = findPgBouncer() ?? "";

describe.skipIf(!program)("many tenants at once behind pgbouncer", () => {
  let world: PooledWorld;
  beforeAll(async () => {
    world = await openPooledWorld({ program, reset: true });
  });
  afterAll(() => world.close());

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
          const tenant = world.tenants[(task + round) % 3] ?? world.tenants[0];
          const id = world.nextNo();
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

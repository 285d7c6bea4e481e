import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pin, pinValues } from "../../src/database/pin.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { expectClean, leavings } from "./pgbouncer-leavings.ts";
import { findPgBouncer } from "./pgbouncer-pooler.ts";
import { openPooledWorld, type PooledWorld, serverConnections, sleep, write } from "./pgbouncer-world.ts";

// Where it is missing, pgbouncer.test.ts says so.
const program = findPgBouncer() ?? "";

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
    const settings = {
      search_path: `"${a.vault}", pg_temp`,
      statement_timeout: "10000",
      "wellvault.company": a.companyId,
      "wellvault.token": createTenantTokens(testTokenKey).sign(a.companyId, 10_000),
    };
    await first.query(pin.replaceAll(", true)", ", false)"), pinValues({ role: a.vault, settings }));
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
        await query(write, [world.nextNo(), randomUUID(), tenant.tenantId]);
      }),
    ),
  );
}

/** Ends the server connections, with what is left on them. */
async function discardAll(world: PooledWorld): Promise<void> {
  for (const pid of await world.backends()) await world.admin("select pg_terminate_backend($1, 5000)", [pid]);
}

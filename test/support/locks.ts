import pg from "pg";
import { expect } from "vitest";
import type { TestDatabase } from "./database.ts";

/** A table of a tenant's vault, held by a lock that lets nobody else read it. */
export interface HeldTable {
  /** Waits until `count` statements of the service wait for the lock. */
  waiting(count?: number): Promise<void>;
  /** Lets the table go. */
  release(): Promise<void>;
}

/** Holds a table of a tenant's vault, so that a call that needs it blocks inside PostgreSQL. */
export async function holdTable(database: TestDatabase, tenantId: string, table = "employees"): Promise<HeldTable> {
  const { rows } = await database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenantId],
  );
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query("begin");
  await client.query(`lock table ${client.escapeIdentifier(rows[0]?.vault ?? "")}.${table} in access exclusive mode`);
  return {
    waiting: (count = 1) => expect.poll(() => blockedStatements(database), { interval: 5, timeout: 5_000 }).toBe(count),
    release: () => client.end(),
  };
}

/** How many statements of the service wait for a lock. */
export async function blockedStatements(database: TestDatabase): Promise<number> {
  return await countActivity(database, "state = 'active' and wait_event_type = 'Lock'");
}

/** Expects the service to leave no statement running and no transaction open, soon. */
export async function expectQuiet(database: TestDatabase): Promise<void> {
  const busy = () => countActivity(database, "(state = 'active' or state like 'idle in transaction%')");
  await expect.poll(busy, { interval: 10, timeout: 5_000 }).toBe(0);
}

async function countActivity(database: TestDatabase, condition: string): Promise<number> {
  const { rows } = await database.admin.query<{ count: number }>(
    `select count(*)::integer as count from pg_stat_activity
     where datname = current_database() and application_name like 'wellvault%' and ${condition}`,
  );
  return rows[0]?.count ?? 0;
}

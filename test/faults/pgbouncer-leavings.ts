import type pg from "pg";
import { expect } from "vitest";
import { look, type PooledWorld, serverConnections } from "./pgbouncer-world.ts";

/** What a server connection shows to a caller without a pin. Settings that pgbouncer itself sets are left out. */
const state = `
  select pg_backend_pid() as pid,
    jsonb_strip_nulls(jsonb_build_object(
      'user', nullif(current_user::text, session_user::text),
      'role', nullif(current_setting('role'), 'none'),
      'search_path', nullif(current_setting('search_path'), '""'),
      'token', nullif(current_setting('wellvault.token', true), ''),
      'company', nullif(current_setting('wellvault.company', true), ''),
      'settings', (select jsonb_object_agg(name, setting) from pg_settings
        where source = 'session' and name not in ('client_encoding', 'DateStyle', 'TimeZone',
          'standard_conforming_strings', 'application_name')),
      'prepared', (select jsonb_agg(statement) from pg_prepared_statements where name <> ''),
      'cursors', (select jsonb_agg(name) from pg_cursors where name <> ''),
      'listening', (select jsonb_agg(channel) from pg_listening_channels() as channel),
      'temporary', (select jsonb_agg(relname) from pg_class where relnamespace = pg_my_temp_schema())
    ))::text as left_over
`;

/**
 * Looks at every server connection of the pool at once, from inside and as the superuser. Returns what the
 * last caller left on any.
 */
export async function leavings(world: PooledWorld): Promise<string[]> {
  const clients = await Promise.all(Array.from({ length: serverConnections }, () => world.connect()));
  const found: string[] = [];
  try {
    const pids = await Promise.all(clients.map((client) => lookAt(client, found)));
    if (new Set(pids).size !== serverConnections) found.push(`saw only the connections ${pids.join()}`);
    const locks = await world.admin<{ locktype: string }>(
      `select locktype, mode from pg_locks
       where pid = any ($1) and (locktype = 'advisory' or locktype = 'relation' and relation >= 16384)`,
      [pids],
    );
    for (const { locktype } of locks) found.push(`a lock: ${locktype}`);
  } finally {
    await Promise.all(clients.map((client) => client.query("rollback").catch(() => undefined)));
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
  // The reset after a transaction is under way for a moment.
  const open = `select from pg_stat_activity
    where datname = current_database() and usename ~ '^wellvault_app' and xact_start is not null`;
  for (let look = 1; (await world.admin(open)).length > 0; look++) {
    if (look === 100) {
      found.push("an open transaction");
      break;
    }
    await new Promise((done) => setTimeout(done, 10));
  }
  return found;
}

async function lookAt(client: pg.Client, found: string[]): Promise<number | undefined> {
  // Until all clients have looked, each keeps its server connection by its transaction.
  await client.query("begin");
  const { rows } = await client.query<{ pid: number; left_over: string }>(state);
  if (rows[0]?.left_over !== "{}") found.push(`${rows[0]?.left_over}`);
  return rows[0]?.pid;
}

/**
 * Lets every tenant look through every server connection of the pool. Returns what one sees that is not its
 * own, and which server connections were looked through.
 */
export async function strays(world: PooledWorld): Promise<{ wrong: string[]; seenBy: Map<number, Set<string>> }> {
  const wrong: string[] = [];
  const seenBy = new Map<number, Set<string>>();
  for (const tenant of world.tenants) {
    const rows = await Promise.all(
      Array.from({ length: serverConnections * 6 }, () =>
        world.open(tenant).transaction(async ({ query, em }) => {
          const seen = await query(look, []);
          // Keeps the server connection a while, so that the others get the other one.
          await em.execute("select pg_sleep(0.01)");
          return seen;
        }),
      ),
    );
    for (const { pid, user, path, team } of rows.flat()) {
      seenBy.set(pid, (seenBy.get(pid) ?? new Set()).add(tenant.tenantId));
      if (team !== tenant.tenantId) wrong.push(`${tenant.tenantId} saw a row of ${team}`);
      if (user !== tenant.vault) wrong.push(`${tenant.tenantId} was ${user}`);
      if (path !== `"${tenant.vault}", pg_temp`) wrong.push(`${tenant.tenantId} had the path ${path}`);
    }
  }
  return { wrong, seenBy };
}

/** Fails unless no server connection holds anything of a caller, and each serves every tenant. */
export async function expectClean(world: PooledWorld): Promise<void> {
  expect(await leavings(world)).toEqual([]);
  const { wrong, seenBy } = await strays(world);
  expect(wrong).toEqual([]);
  expect(seenBy.size).toBe(serverConnections);
  for (const tenants of seenBy.values())
    expect([...tenants].sort()).toEqual(world.tenants.map(({ tenantId }) => tenantId));
  expect(await leavings(world)).toEqual([]);
}

/** Waits until so many statements sleep in the server. */
export async function asleep(world: PooledWorld, count: number): Promise<void> {
  const sleeping = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
  await expect.poll(() => world.admin(sleeping), { interval: 5, timeout: 5_000 }).toHaveLength(count);
}

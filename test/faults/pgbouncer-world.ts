import { randomUUID } from "node:crypto";
import pg from "pg";
import { firstDataLogin, loginUrl } from "../../src/database/logins.ts";
import { statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import type { TenantSession } from "../../src/tenancy/session.ts";
import { openTenantSessions, type TenantSessions } from "../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { letObserve } from "../support/observe.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { openWireTap, type WireTap } from "../support/wire-tap.ts";
import { type PgBouncer, startPgBouncer } from "./pgbouncer-pooler.ts";

/** Server connections that all tenants share. */
export const serverConnections = 2;

/** The data plane behind pgbouncer, and what looks at the server from the other side. */
export interface PooledWorld {
  readonly tenants: readonly [TenantEntry, TenantEntry, TenantEntry];
  readonly sessions: TenantSessions;
  /** Between the service and pgbouncer. */
  readonly tap: WireTap;
  open(tenant: TenantEntry, options?: { signal?: AbortSignal; timeoutMs?: number }): TenantSession;
  /** A connection through pgbouncer as the data plane's login, without a pin. */
  connect(): Promise<pg.Client>;
  /** Runs a statement as the superuser, past pgbouncer. */
  admin<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** A number that no row has yet. */
  nextNo(): number;
  /** Process ids of the server connections that pgbouncer has. */
  backends(): Promise<number[]>;
  close(): Promise<void>;
}

// Literal, as the service's own statements are: after one that is not, the service cleans the connection by itself.

/** The values of {@link write}: a number of its own, an id, and the tenant. */
export type WriteValues = [employeeNo: number, employeeId: string, team: string];

/** Writes a row of the tenant and counts it, in one transaction, on whichever server connection. */
export const write = statement<WriteValues, { pid: number; user: string }>`
  with counted as (update counters set last_value = last_value + 1 where name = 'employee' returning 1)
  insert into employees (employee_no, employee_id, external_id, team)
  select $1::integer, $2, $1::text, $3 from counted
  returning pg_backend_pid() as pid, current_user::text as user
`;

/** Sleeps, in seconds. */
export const sleep = statement<[seconds: number], object>`select pg_sleep($1)`;

/** Whose rows a transaction sees, who it is, and which server connection it has. */
export const look = statement<[], { pid: number; user: string; path: string; team: string | null }>`
  select pg_backend_pid() as pid, current_user::text as user, current_setting('search_path') as path, seen.team
  from (select 1) as one left join (select distinct team from employees) as seen on true
`;

/** What {@link PooledWorld} is made with. */
export interface PooledWorldOptions {
  readonly program: string;
  readonly reset: boolean;
}

/** Opens the data plane over a database of its own, behind a pgbouncer of its own. */
export async function openPooledWorld({ program, reset }: PooledWorldOptions): Promise<PooledWorld> {
  const plane: PinnedPlane = await openPinnedPlane(1);
  const { admin, url } = plane.database;
  await letObserve(admin);
  // What pgbouncer does not pass on, the database says itself; and what the looks below look through.
  const name = new URL(url).pathname.slice(1);
  await admin.query(`
    alter database ${name} set lock_timeout = '2s';
    alter database ${name} set idle_in_transaction_session_timeout = '5s';
    grant execute on function pg_prepared_statement(), pg_cursor(), pg_listening_channels(), pg_my_temp_schema(),
      pg_show_all_settings(), pg_advisory_lock(bigint) to public;
    grant select on pg_prepared_statements, pg_cursors, pg_settings, pg_class to public;
  `);
  const bouncer: PgBouncer = await startPgBouncer({
    program,
    reset,
    admin,
    serverUrl: url,
    poolSize: serverConnections,
  });
  const direct = loginUrl(url, firstDataLogin, undefined);
  const tap = await openWireTap(bouncer.through(direct));
  const sessions = openTenantSessions({
    urlOf: () => tap.through(direct),
    loginCount: 1,
    poolSize: 16,
    tokens: createTenantTokens(testTokenKey),
    entities: [EmployeeEntity],
    onWarning: () => undefined,
  });
  const [a, b, c] = [await plane.provision("alpha"), await plane.provision("bravo"), await plane.provision("charlie")];
  const open: PooledWorld["open"] = (tenant, options = {}) =>
    sessions.open({ tenant, signal: new AbortController().signal, timeoutMs: 10_000, ...options });
  for (const tenant of [a, b, c]) await open(tenant).query(write, [1, randomUUID(), tenant.tenantId]);
  let last = 100;
  return {
    tenants: [a, b, c],
    nextNo: () => ++last,
    sessions,
    tap,
    open,
    async connect() {
      const client = new pg.Client({ connectionString: bouncer.through(direct) });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    },
    admin: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await admin.query<Row>(text, values)).rows,
    async backends() {
      const { rows } = await admin.query<{ pid: number }>(
        "select pid from pg_stat_activity where datname = current_database() and usename = $1 order by backend_start",
        [firstDataLogin],
      );
      return rows.map(({ pid }) => pid);
    },
    async close() {
      await sessions.close();
      await tap.close();
      await bouncer.close();
      await plane.close();
    },
  };
}

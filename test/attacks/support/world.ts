import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, inject } from "vitest";
import { firstDataLogin, setLoginPasswords } from "../../../src/database/logins.ts";
import { sqlStateOf } from "../../../src/database/sqlstate.ts";
import { statement } from "../../../src/database/statement.ts";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";
import { openPinnedPlane, type PinnedPlane } from "../../support/pinned.ts";
import { type Alerts, hearAlerts } from "./alerts.ts";
import type { Attempt } from "./attack.ts";
import { describeResult, evidenceOf } from "./outcome.ts";
import { plantRows } from "./plant.ts";
import { takeFingerprint, type Witness } from "./witness.ts";

/** A database with three companies full of rows; A attacks, B and C are the victims. */
export interface AttackWorld extends Witness {
  readonly plane: PinnedPlane;
  readonly a: TenantEntry;
  readonly b: TenantEntry;
  readonly c: TenantEntry;
  readonly alerts: Alerts;
  /** The number in the catalogue of B's table of employees, as a persistent attacker would guess it. */
  readonly employeesOfB: number;
  /** The number in the catalogue of B's role. */
  readonly roleOfB: number;
  /** The process of a backend of another role. */
  readonly backend: number;
  /** The name of the superuser. */
  readonly superuser: string;
  /** An extension that is there and not installed. */
  readonly extension: string;
  /** The ways that the service has to send statements, one by one in a transaction of A. */
  readonly ways: Readonly<Record<string, (statements: readonly string[]) => Promise<unknown[]>>>;
  /** Sends the statements one by one in a transaction of A, once by each way that the service has. */
  attackBySql(attempt: Attempt, statements: readonly string[], describe?: (result: unknown) => string): Promise<void>;
  /** Runs SQL as the superuser: takes walls away and puts them back. */
  admin(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Reads what a session shows of the roster. */
export const readRoster = statement<[], { external_id: string }>`
  select external_id from employees order by employee_no
`;

/** How to open an {@link AttackWorld}. */
export interface AttackWorldOptions {
  /** Connections. Default one: every session meets what the one before it left behind. */
  readonly poolSize?: number;
  /**
   * Login of the data plane for all three companies. Roles belong to the whole server, so attacks that
   * change the login itself take one that no other test uses; it is dropped afterwards. Default
   * `wellvault_app`.
   */
  readonly login?: string;
}

/** Opens the data plane, as the service has it, over a database of its own. */
export async function openAttackWorld({
  poolSize = 1,
  login = firstDataLogin,
}: AttackWorldOptions = {}): Promise<AttackWorld> {
  const plane = await openPinnedPlane(poolSize);
  const superuser = plane.database.admin;
  if (login !== firstDataLogin) await giveLogin(superuser, plane.database.url, login);
  const alerts = await hearAlerts(superuser, login);
  const [a, b, c] = [await plane.provision("alpha"), await plane.provision("bravo"), await plane.provision("charlie")];
  const secrets: string[] = [];
  const rosters = new Map<TenantEntry, readonly string[]>();
  for (const tenant of [a, b, c]) {
    const planted = await plantRows(superuser, tenant, randomBytes(8).toString("hex"));
    rosters.set(tenant, planted.roster);
    if (tenant !== a) secrets.push(...planted.secrets);
  }
  // No vault has a sequence; the attack on one is tried all the same.
  await superuser.query(
    `create sequence ${b.vault}.numbers; alter sequence ${b.vault}.numbers owner to wellvault_owner;
     grant usage on sequence ${b.vault}.numbers to ${b.vault}`,
  );
  const numbers = await superuser.query<
    Pick<AttackWorld, "employeesOfB" | "roleOfB" | "backend" | "superuser" | "extension">
  >(
    `select '${b.vault}.employees'::regclass::oid::integer as "employeesOfB",
       '${b.vault}'::regrole::oid::integer as "roleOfB", pg_backend_pid() as backend, current_user::text as superuser,
       (select name::text from pg_available_extensions where installed_version is null order by name limit 1) as extension`,
  );
  if (!numbers.rows[0]) throw new Error("no row was returned");
  const vaults = [a, b, c].map(({ vault }) => vault);

  const ways: AttackWorld["ways"] = {
    "session.query": (statements) => bySession(plane.open(a), statements),
    "em.execute": (statements) => byManager(plane.open(a), statements),
  };

  return {
    plane,
    a,
    b,
    c,
    ...numbers.rows[0],
    alerts,
    secrets,
    fingerprint: () => takeFingerprint(superuser, vaults.slice(1), vaults),
    ways,
    async attackBySql(attempt, statements, describe = describeResult) {
      for (const [way, send] of Object.entries(ways))
        await attempt(way, () => send(statements), describe, alerts.mark());
    },
    async admin(sql) {
      const result = await superuser.query<Record<string, unknown>>(sql);
      return result.rows;
    },
    async aftermath() {
      for (const tenant of [b, a, c]) {
        const shown = await plane.open(tenant).query(readRoster, []);
        expect(
          shown.map((row) => row.external_id),
          `the roster of ${tenant.tenantId} afterwards`,
        ).toEqual(rosters.get(tenant));
      }
      expect(await bareState(plane.open(a)), "the connection between two sessions").toEqual({
        role: "none",
        search_path: '""',
        row_security: "on",
        statement_timeout: "0",
        user: login,
      });
    },
    async close() {
      alerts.close();
      await plane.close();
      if (login !== firstDataLogin) await dropRole(login);
    },
  };
}

/** Adds a login and gives it all companies that are made from now on. */
async function giveLogin(superuser: pg.Client, url: string, login: string): Promise<void> {
  await superuser.query("select control.add_data_login($1)", [login]);
  await superuser.query(`alter table control.companies alter column login set default '${login}'`);
  await setLoginPasswords(superuser, url, undefined);
}

async function dropRole(role: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("serverUrl") });
  await client.connect();
  await client.query(`drop role ${role}`);
  await client.end();
}

/** By the session's own typed SQL. Returns the rows of the last statement. */
async function bySession(session: TenantSession, statements: readonly string[]): Promise<unknown[]> {
  let refused: unknown;
  const done = session.transaction(async (transaction) => {
    let rows: unknown[] = [];
    try {
      for (const text of statements) rows = await transaction.query(statement<[], unknown>(text), []);
    } catch (error) {
      refused = error;
      throw error;
    }
    return rows;
  });
  return await done.catch((error: unknown) => {
    // What callers are told does not always hold on to what the database said.
    throw sqlStateOf(error) ? error : new Error(evidenceOf(error), { cause: refused });
  });
}

/** By the entity manager. Returns the rows of the last statement. */
async function byManager(session: TenantSession, statements: readonly string[]): Promise<unknown[]> {
  // Alone, a statement has a transaction made around it.
  const [only, ...others] = statements;
  if (only !== undefined && others.length === 0) return await session.em.execute<unknown[]>(only);
  return await session.em.transactional(async (em) => {
    let rows: unknown[] = [];
    for (const text of statements) rows = await em.execute<unknown[]>(text);
    return rows;
  });
}

/** What the pool's connection is when no session holds it: a fork without a pin reaches it bare. */
async function bareState(session: TenantSession): Promise<Record<string, unknown>> {
  const bare = session.em.fork();
  bare.clearSessionContext();
  const state: Record<string, unknown> = {};
  for (const name of ["role", "search_path", "row_security", "statement_timeout"]) {
    const [row] = await bare.execute<[Record<string, unknown>]>(`show ${name}`);
    Object.assign(state, row);
  }
  const [who] = await bare.execute<[Record<string, unknown>]>("select current_user::text as user");
  return { ...state, ...who };
}

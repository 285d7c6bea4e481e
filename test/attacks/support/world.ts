import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { statement } from "../../../src/database/statement.ts";
import type { TenantSession } from "../../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";
import { openPinnedPlane, type PinnedPlane } from "../../support/pinned.ts";
import { type Alerts, hearAlerts } from "./alerts.ts";
import type { Attempt } from "./attack.ts";
import { describeResult } from "./outcome.ts";
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
  /** Sends the statements one by one in a transaction of A, once by each way that the service has. */
  attackBySql(attempt: Attempt, statements: readonly string[]): Promise<void>;
  /** Runs SQL as the superuser: takes walls away and puts them back. */
  admin(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Reads what a session shows of the roster. */
export const readRoster = statement<[], { external_id: string }>(
  "select external_id from employees order by employee_no",
);

/**
 * Opens the data plane, as the service has it, over a database of its own.
 *
 * @param poolSize connections; with one, every session meets what the one before it left behind
 */
export async function openAttackWorld(poolSize = 1): Promise<AttackWorld> {
  const plane = await openPinnedPlane(poolSize);
  const superuser = plane.database.admin;
  const alerts = await hearAlerts(superuser, "wellvault_app");
  const [a, b, c] = [await plane.provision("alpha"), await plane.provision("bravo"), await plane.provision("charlie")];
  const secrets: string[] = [];
  const rosters = new Map<TenantEntry, readonly string[]>();
  for (const tenant of [a, b, c]) {
    const planted = await plantRows(superuser, tenant, randomBytes(8).toString("hex"));
    rosters.set(tenant, planted.roster);
    if (tenant !== a) secrets.push(...planted.secrets);
  }
  const numbers = await superuser.query<{ employeesOfB: number; roleOfB: number; backend: number }>(
    `select '${b.vault}.employees'::regclass::oid::integer as "employeesOfB",
       '${b.vault}'::regrole::oid::integer as "roleOfB", pg_backend_pid() as backend`,
  );
  if (!numbers.rows[0]) throw new Error("no row was returned");
  const vaults = [a, b, c].map(({ vault }) => vault);

  /** How an attempt's result is told, with the alerts that it raised. */
  const heard = () => {
    const before = alerts.count();
    return (result: unknown) => describeResult(result) + (alerts.count() > before ? ", logged" : "");
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
    async attackBySql(attempt, statements) {
      await attempt("session.query", () => bySession(plane.open(a), statements), heard());
      await attempt("em.execute", () => byManager(plane.open(a), statements), heard());
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
        user: "wellvault_app",
      });
    },
    async close() {
      alerts.close();
      await plane.close();
    },
  };
}

/** By the session's own typed SQL. Returns the rows of the last statement. */
async function bySession(session: TenantSession, statements: readonly string[]): Promise<unknown[]> {
  return await session.transaction(async (transaction) => {
    let rows: unknown[] = [];
    for (const text of statements) rows = await transaction.query(statement<[], unknown>(text), []);
    return rows;
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

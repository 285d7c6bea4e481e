import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type pg from "pg";
import { type Statement, statement } from "../../../src/database/statement.ts";
import { EmployeeEntity } from "../../../src/employees/employee-entity.ts";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";

const write = statement<[employeeNo: number, employeeId: string, team: string], { user: string; team: string }>`
  insert into employees (employee_no, employee_id, external_id, team)
  values ($1::integer, $2, $1::text, $3)
  on conflict (employee_no) do update set team = excluded.team
  returning current_user::text as user, team
`;
const teams = statement<[], { team: string }>`select distinct team from employees where employee_no >= 1000`;

/** The same statement as a text that is not literal, after which its connection is cleaned. */
const notLiteral = <V extends readonly unknown[], R>({ text }: Statement<V, R>) => statement<V, R>(text);
const ofWrite = [write, notLiteral(write)] as const;
const ofTeams = [teams, notLiteral(teams)] as const;

/** What an interleaving was made of. */
export interface Interleaving {
  /** Opens a session. */
  readonly open: (tenant: TenantEntry) => TenantSession;
  readonly tenants: readonly TenantEntry[];
  /** Tasks at once. */
  readonly tasks: number;
  /** Transactions of each task. */
  readonly rounds: number;
}

/**
 * Runs tasks at once, whose transactions belong to one tenant after the other, and which write, read and
 * fail by turns, with statements that are literal and not. Returns each thing that a session saw and should not have seen.
 */
export async function interleave({ open, tenants, tasks, rounds }: Interleaving): Promise<string[]> {
  const wrong: string[] = [];
  const round = async (task: number, index: number): Promise<void> => {
    const tenant = tenants[(task + index) % tenants.length];
    if (!tenant) throw new Error("no tenants");
    const session = open(tenant);
    const failing = index % 5 === 4;
    // Literal by turns, for the tasks alike, so that each form follows the other on a connection.
    const form = index % 2;
    const done = session.transaction(async (transaction) => {
      const [row] = await transaction.query(ofWrite[form] ?? write, [1_000 + task, randomUUID(), tenant.tenantId]);
      if (row?.user !== tenant.vault) wrong.push(`wrote as ${row?.user} for ${tenant.vault}`);
      if (index % 3 === 0) await turn();
      if (failing) throw new Error("undone");
    });
    await done.catch((error: unknown) => {
      if (!failing || !(error instanceof Error) || error.message !== "undone") throw error;
    });
    if (index % 8 === 0) {
      for (const { team } of await session.query(ofTeams[(index / 8) % 2] ?? teams, [])) {
        if (team !== tenant.tenantId) wrong.push(`${tenant.tenantId} read ${team}`);
      }
    }
    if (index % 20 === 0) {
      for (const { team } of await session.em.find(EmployeeEntity, { employeeNo: { $gte: 1_000 } })) {
        if (team !== tenant.tenantId) wrong.push(`the manager of ${tenant.tenantId} read ${team}`);
      }
    }
  };
  await Promise.all(
    Array.from({ length: tasks }, async (_, task) => {
      for (let index = 0; index < rounds; index++) await round(task, index);
    }),
  );
  return wrong;
}

/**
 * What {@link interleave} would be with one connection that all tasks use at once: begins, pins and
 * statements of several tenants mix. Returns each thing that a task saw and should not have seen.
 */
export async function interleaveOnOneConnection(
  client: pg.Client,
  tenants: readonly TenantEntry[],
  tasks: number,
  rounds: number,
): Promise<string[]> {
  const wrong: string[] = [];
  // One statement after the other, of whichever task comes next.
  let last: Promise<unknown> = Promise.resolve();
  const send = (text: string): Promise<pg.QueryResult<{ user: string }>> => {
    const result = last.then(() => client.query<{ user: string }>(text));
    last = result;
    return result;
  };
  const round = async (tenant: TenantEntry): Promise<void> => {
    await send("begin");
    await send(`set local role ${tenant.vault}`);
    await turn();
    const { rows } = await send("select current_user::text as user");
    if (rows[0]?.user !== tenant.vault) wrong.push(`worked as ${rows[0]?.user} for ${tenant.vault}`);
    await send("commit");
  };
  await Promise.all(
    Array.from({ length: tasks }, async (_, task) => {
      for (let index = 0; index < rounds; index++) {
        const tenant = tenants[(task + index) % tenants.length];
        if (tenant) await round(tenant);
      }
    }),
  );
  return wrong;
}

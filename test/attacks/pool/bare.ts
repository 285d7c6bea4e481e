import type { EntityManager } from "@mikro-orm/postgresql";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";
import type { AttackWorld } from "../support/world.ts";

/** A manager of the service's pool without a pin: what it sends reaches the connection as it is. */
export function bareManager({ plane, a }: AttackWorld): EntityManager {
  const bare = plane.open(a).em.fork();
  bare.clearSessionContext();
  return bare as EntityManager;
}

/** Runs SQL in a session of a tenant and returns the one value of its one row, as text. */
export async function valueFor({ plane }: AttackWorld, tenant: TenantEntry, sql: string): Promise<string> {
  const [row] = await plane.open(tenant).em.execute<Record<string, unknown>[]>(sql);
  return String(Object.values(row ?? {})[0]);
}

/** Processes of the backends that the data plane has in this database, as the superuser sees them. */
export async function backends(world: AttackWorld): Promise<{ pid: number; state: string }[]> {
  const rows = await world.admin(
    `select pid, state from pg_stat_activity
     where datname = current_database() and usename = '${world.a.login}' and application_name = 'wellvault'`,
  );
  return rows as { pid: number; state: string }[];
}

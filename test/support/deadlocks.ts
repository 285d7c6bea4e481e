import type pg from "pg";

/**
 * Returns how many deadlocks the database has seen. A backend reports what it saw when it ends, so this
 * ends every other session of the database first; the service's pools open new ones.
 */
export async function countDeadlocks(admin: pg.Client): Promise<number> {
  const others = "datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
  await admin.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where ${others}`);
  await admin.query("select pg_stat_clear_snapshot()");
  const { rows } = await admin.query<{ deadlocks: number }>(
    "select deadlocks::integer from pg_stat_database where datname = current_database()",
  );
  return rows[0]?.deadlocks ?? 0;
}

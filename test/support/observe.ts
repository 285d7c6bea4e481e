import type pg from "pg";

/**
 * Gives back to PUBLIC, in a test's own database, what the hardening took and a test looks through: its
 * settings, its backend, a wait, and blocks that raise an error of choice.
 */
export async function letObserve(admin: pg.Client): Promise<void> {
  await admin.query(`
    grant execute on function pg_catalog.current_setting(text), pg_catalog.current_setting(text, boolean),
      pg_catalog.pg_backend_pid(), pg_catalog.pg_sleep(double precision) to public;
    grant usage on language plpgsql to public;
  `);
}

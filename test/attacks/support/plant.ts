import type pg from "pg";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";

/** What was planted in a vault. */
export interface Planted {
  /** Values that stand in this vault's rows and nowhere else. */
  readonly secrets: readonly string[];
  /** The external ids of the employees, in the order of their numbers. */
  readonly roster: readonly string[];
}

/** Fills a vault's tables, as the superuser, with rows that hold a marker. */
export async function plantRows(admin: pg.Client, { vault, companyId }: TenantEntry, marker: string): Promise<Planted> {
  const roster = [1, 2, 3, 4, 5].map((number) => `external-${marker}-${number}`);
  await admin.query(
    `insert into ${vault}.employees (employee_no, employee_id, external_id, display_name, team, location)
     select number, gen_random_uuid(), 'external-' || $1::text || '-' || number, 'name-' || $1, 'team-' || $1, 'place-' || $1
     from generate_series(1, 5) as number`,
    [marker],
  );
  await admin.query(
    `insert into ${vault}.log_entries
       (employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, note, detail)
     select number, 'entry-' || $1::text || '-' || number, 1, now(), 60, 'app', 1, 'note-' || $1,
       jsonb_build_object('journal', jsonb_build_object('text', 'journal-' || $1))
     from generate_series(1, 5) as number`,
    [marker],
  );
  await admin.query(`insert into ${vault}.sample_sources (source_no, slug, daily) values (1, 'slug-${marker}', false)`);
  await admin.query(
    `insert into ${vault}.samples (start_time, value, version, employee_no, end_seconds, kind, source_no,
       utc_offset_minutes, recording_method)
     select now() - minute * interval '1 minute', 60 + minute, 1, number, 0, 1, 1, 60, 1
     from generate_series(1, 5) as number, generate_series(1, 4) as minute`,
  );
  await admin.query(`update ${vault}.counters set last_value = 5 where name in ('employee', 'active_employee')`);
  await admin.query(`update ${vault}.counters set last_value = 1 where name = 'sample_source'`);
  return { secrets: [marker, companyId], roster };
}

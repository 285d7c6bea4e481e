/**
 * The peers' statements: the same work on the same tables as Wellvault's, one statement for each operation, which
 * finds the employee on its way. `tenant` is the condition that shared tables need, with the tenant as the last
 * parameter; in a schema of the tenant's own there is none.
 */

/** The statements of one kind of peer. */
export interface PeerStatements {
  readonly putEntry: string;
  readonly listEntries: string;
  readonly putSamples: string;
}

const entryColumns = `
  entry_id,
  (extract(epoch from start_time) * 1000000)::bigint as start_micros,
  (extract(epoch from end_time) * 1000000)::bigint as end_micros,
  utc_offset_minutes, source, version, note, detail,
  (extract(epoch from create_time) * 1000000)::bigint as create_micros,
  (extract(epoch from update_time) * 1000000)::bigint as update_micros`;

/** Makes the statements, for a schema of the tenant's own or for tables that all tenants share. */
export function peerStatements(shared: boolean): PeerStatements {
  const tenant = (parameter: number) => (shared ? `tenant_id = $${parameter} and ` : "");
  const column = shared ? "tenant_id, " : "";
  const value = (parameter: number) => (shared ? `$${parameter}::text, ` : "");
  return {
    putEntry: `
      insert into log_entries as stored (
        ${column}employee_no, entry_id, type, start_time, end_time, utc_offset_minutes, source, version, note, detail
      )
      select ${value(11)}employee_no, $2, $3::smallint, $4::timestamptz, $5::timestamptz, $6::smallint, $7, $8::bigint,
        $9, $10::jsonb
      from employees where ${tenant(11)}employee_id = $1::uuid and delete_time is null
      on conflict (${column}employee_no, entry_id) do update set
        type = excluded.type, start_time = excluded.start_time, end_time = excluded.end_time,
        utc_offset_minutes = excluded.utc_offset_minutes, source = excluded.source, version = excluded.version,
        note = excluded.note, detail = excluded.detail, update_time = now(), delete_time = null
      where excluded.version > stored.version
      returning ${entryColumns}, xmax = 0 as inserted`,
    listEntries: `
      select ${entryColumns}
      from log_entries
      where ${tenant(5)}employee_no = (
          select employee_no from employees where ${tenant(5)}employee_id = $1::uuid and delete_time is null
        )
        and delete_time is null
        and (start_time, entry_id) < (
          coalesce(to_timestamp($2::bigint / 1000000.0), 'infinity'), coalesce($3::text, '')
        )
      order by start_time desc, entry_id desc
      limit $4::integer`,
    putSamples: `
      with written as (
        insert into samples as stored (
          ${column}employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes,
          recording_method
        )
        select ${value(9)}employee_no, incoming.kind, incoming.start_time, source.source_no, incoming.version,
          incoming.value, 0, incoming.utc_offset_minutes, incoming.recording_method
        from unnest(
          $2::smallint[], $3::timestamptz[], $4::text[], $5::bigint[], $6::double precision[], $7::smallint[],
          $8::smallint[]
        ) as incoming (kind, start_time, slug, version, value, utc_offset_minutes, recording_method)
        join sample_sources as source on ${shared ? "source.tenant_id = $9 and " : ""}source.slug = incoming.slug
          and not source.daily
        join employees on ${shared ? "employees.tenant_id = $9 and " : ""}employee_id = $1::uuid
          and employees.delete_time is null
        on conflict (${column}employee_no, kind, source_no, start_time) do update set
          version = excluded.version, value = excluded.value, record_time = now()
        where excluded.version > stored.version
        returning xmax = 0 as inserted
      )
      select count(*) filter (where inserted)::integer as inserted,
        count(*) filter (where not inserted)::integer as replaced
      from written`,
  };
}

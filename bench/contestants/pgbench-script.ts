import { batchRows, type Operation, pageRows, zipfExponent } from "../plan.ts";
import { firstSampleSecond } from "../written-ids.ts";
import type { Turn } from "./contestant.ts";

/** Numbers that each client of a turn may use. */
export const idsPerClient = 100_000;

/** The script of an operation: the tenant drawn as the other contestants' tenants are, and one pipeline. */
export function pgbenchScript({ operation, tenants, spread }: Turn, firstId: number): string {
  const draw =
    tenants === 1
      ? "1"
      : spread === "zipf"
        ? `random_zipfian(1, ${tenants}, ${zipfExponent})`
        : `random(1, ${tenants})`;
  return `\\set n :n + 1
\\set id ${firstId} + :client_id * ${idsPerClient} + :n
\\set tenant 1000000 + ${draw}
\\startpipeline
begin;
select set_config('search_path', 'bench_t' || right(:tenant::text, 5), true),
  set_config('role', 'bench_t' || right(:tenant::text, 5), true);
${statements[operation]};
commit;
\\endpipeline
`;
}

const statements: Readonly<Record<Operation, string>> = {
  write: `
    insert into log_entries as stored (
      employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, note, detail
    )
    select employee_no, 'w-' || right((1000000000000 + :id)::text, 12), 1, to_timestamp(1760000000), 60, 'bench', 1,
      'slept well, a little tired', '{"valence": 1.5, "labels": ["calm", "content"]}'
    from employees where external_id = 'writer' and delete_time is null
    on conflict (employee_no, entry_id) do update set version = excluded.version
    where excluded.version > stored.version
    returning entry_id, start_time, utc_offset_minutes, source, version, note, detail, create_time, update_time,
      xmax = 0 as inserted`,
  read: `
    select entry_id, start_time, end_time, utc_offset_minutes, source, version, note, detail, create_time, update_time
    from log_entries
    where employee_no = (select employee_no from employees where external_id = 'reader' and delete_time is null)
      and delete_time is null
    order by start_time desc, entry_id desc
    limit ${pageRows + 1}`,
  // pgbench has no arrays to send; the database makes the rows itself, which is a little less work.
  batch: `
    with written as (
      insert into samples as stored (
        employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
      )
      select employee_no, 11, to_timestamp(${firstSampleSecond} + :id) + n * interval '1 millisecond', source_no, 1,
        60 + n % 40, 0, 60, 0
      from employees, sample_sources, generate_series(0, ${batchRows - 1}) as n
      where external_id = 'writer' and delete_time is null and slug = 'bench' and not daily
      on conflict (employee_no, kind, source_no, start_time) do update set version = excluded.version
      where excluded.version > stored.version
      returning xmax = 0 as inserted
    )
    select count(*) filter (where inserted), count(*) filter (where not inserted) from written`,
};

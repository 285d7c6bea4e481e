import type { EpochSeconds } from "../../civil-time.ts";
import { keptStatement } from "../../database/statement.ts";

/**
 * Stores an entry unless the same or a higher version is there, and says whether it is new and when it was
 * stored first and last. A tombstone counts as its version: only a higher one revives. Nothing is returned when
 * nothing was stored: the version is there already, or the employee is not, or has left (any state but 1).
 *
 * `employees_employee_id_key`, then the insertion by way of `log_entries_pkey`: 20 buffers for a new entry, with those of
 * the foreign key, and as many for a higher version of one. For an entry that is stored it does the work of three
 * statements, in half of their time. It does not look up what is there instead: that would take half as long again for
 * every entry, and miss a row that another transaction commits meanwhile. Whoever needs it reads it with the next
 * statement, which sees what this one met.
 */
export const putLogEntry = keptStatement<
  [
    employeeId: string,
    entryId: string,
    type: number,
    start: EpochSeconds,
    end: EpochSeconds | null,
    utcOffsetMinutes: number,
    source: string,
    version: string,
    note: string,
    detail: string,
  ],
  { inserted: boolean; create_epoch: EpochSeconds; update_epoch: EpochSeconds }
>`
  insert into log_entries as stored (
    employee_no, entry_id, type, start_time, end_time, utc_offset_minutes, source, version, note, detail
  )
  select
    employee.employee_no, $2, $3::smallint, to_timestamp($4::float8), to_timestamp($5::float8), $6::smallint, $7,
    $8::bigint, $9, $10::jsonb
  from employees as employee
  where employee.employee_id = $1 and employee.delete_time is null and employee.state = 1
  on conflict (employee_no, entry_id) do update set
    type = excluded.type,
    start_time = excluded.start_time,
    end_time = excluded.end_time,
    utc_offset_minutes = excluded.utc_offset_minutes,
    source = excluded.source,
    version = excluded.version,
    note = excluded.note,
    detail = excluded.detail,
    update_time = now(),
    delete_time = null
  where excluded.version > stored.version
  returning
    xmax = 0 as inserted,
    date_part('epoch'::text, create_time) as create_epoch,
    date_part('epoch'::text, update_time) as update_epoch
`;

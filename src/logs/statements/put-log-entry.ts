import { statement } from "../../database/statement.ts";

/**
 * Stores an entry unless the same or a higher version is there, and says whether it did. Nothing is
 * returned when nothing was stored. A tombstone counts as its version: only a higher one revives.
 */
export const putLogEntry = statement<
  [
    employeeNo: number,
    entryId: string,
    type: number,
    startTime: string,
    endTime: string | null,
    utcOffsetMinutes: number,
    source: string,
    version: string,
    note: string,
    detail: string,
  ],
  { inserted: boolean }
>`
  insert into log_entries as stored (
    employee_no, entry_id, type, start_time, end_time, utc_offset_minutes, source, version, note, detail
  )
  values ($1, $2, $3, $4::timestamptz, $5::timestamptz, $6, $7, $8::bigint, $9, $10::jsonb)
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
  returning xmax = 0 as inserted
`;

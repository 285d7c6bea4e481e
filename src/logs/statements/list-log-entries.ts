import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type LogRow, logColumns } from "./log-columns.ts";

/**
 * A page of an employee's entries, newest first: a scan of `log_entries_start_time_idx` from the page's key on,
 * 8 buffers for 51 entries. An empty array of types means all. The work of two statements in two thirds of
 * their time; with the employee joined instead it would be all of it.
 */
export const listLogEntries = statement<
  [
    employeeId: string,
    types: readonly number[],
    from: string | null,
    to: string | null,
    beforeTime: string | null,
    beforeEntryId: string | null,
    limit: number,
  ],
  LogRow
>`
  select ${logColumns}
  from log_entries as entry
  where entry.employee_no = ${employeeNoOf}
    and entry.delete_time is null
    and (cardinality($2::smallint[]) = 0 or entry.type = any ($2::smallint[]))
    and entry.start_time >= coalesce($3::timestamptz, '-infinity')
    and entry.start_time < coalesce($4::timestamptz, 'infinity')
    and (entry.start_time, entry.entry_id) < (coalesce($5::timestamptz, 'infinity'), coalesce($6::text, ''))
  order by entry.start_time desc, entry.entry_id desc
  limit $7
`;

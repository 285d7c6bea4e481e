import { keptStatement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type LogRow, logColumns, logRows } from "./log-columns.ts";

/**
 * A page of an employee's entries, newest first. An empty array of types means all, `-infinity` and `infinity` no bound.
 *
 * A scan of `log_entries_start_time_idx` from the page's key on: 12 buffers for 51 entries in the middle of 1,000, and 20
 * buffers when they are those of one type out of five. The work of two statements in two thirds of their time; with the
 * employee joined instead it would be all of it.
 */
export const listLogEntries = withRows(
  logRows,
  keptStatement<
    [
      employeeId: string,
      types: readonly number[],
      from: string,
      to: string,
      beforeTime: string,
      beforeEntryId: string,
      limit: number,
    ],
    LogRow
  >`
    select ${logColumns}
    from log_entries as entry
    where entry.employee_no = ${employeeNoOf}
      and entry.delete_time is null
      and (cardinality($2::smallint[]) = 0 or entry.type = any ($2::smallint[]))
      and entry.start_time >= $3::timestamptz
      and entry.start_time < $4::timestamptz
      and (entry.start_time, entry.entry_id) < ($5::timestamptz, $6::text)
    order by entry.start_time desc, entry.entry_id desc
    limit $7
  `,
);

import { statement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type LogRow, logColumns, logRows } from "../../logs/statements/log-columns.ts";

/**
 * The next of an employee's entries by their ids, without those that were deleted: a range of `log_entries_pkey`, 25 buffers
 * for 500 entries.
 */
export const exportLogEntries = withRows(
  logRows,
  statement<[employeeId: string, afterEntryId: string, limit: number], LogRow>`
    select ${logColumns}
    from log_entries as entry
    where entry.employee_no = ${employeeNoOf} and entry.entry_id > $2 and entry.delete_time is null
    order by entry.entry_id
    limit $3
  `,
);

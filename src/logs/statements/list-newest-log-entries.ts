import { keptStatement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type LogRow, logColumns, logRows } from "./log-columns.ts";

/**
 * The first page of an employee's entries, of whatever type and time: what an app shows when it opens. The same scan
 * as of {@link listLogEntries} from its start, 9 buffers for 51 entries, without the conditions that would hold for every
 * row: to plan them takes as long as to read a page.
 */
export const listNewestLogEntries = withRows(
  logRows,
  keptStatement<[employeeId: string, limit: number], LogRow>`
    select ${logColumns}
    from log_entries as entry
    where entry.employee_no = ${employeeNoOf} and entry.delete_time is null
    order by entry.start_time desc, entry.entry_id desc
    limit $2
  `,
);

import { keptStatement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type LogRow, logColumns, logRowsOrTombstones, type Tombstone } from "./log-columns.ts";

/**
 * One entry, also when it is a tombstone: `employees_employee_id_key`, then `log_entries_pkey`, 7 buffers.
 * The work of two statements in about half of their time.
 */
export const getLogEntry = withRows(
  logRowsOrTombstones,
  keptStatement<[employeeId: string, entryId: string], (LogRow & { readonly deleted: false }) | Tombstone>`
    select ${logColumns}, entry.delete_time is not null as deleted
    from log_entries as entry
    where entry.employee_no = ${employeeNoOf} and entry.entry_id = $2
  `,
);

import { fragment, statement } from "../../database/statement.ts";
import { type LogRow, logColumns } from "./log-columns.ts";

/** One entry by its primary key, also when it is a tombstone. */
export const getLogEntry = statement<[employeeNo: number, entryId: string], LogRow & { deleted: boolean }>`
  select ${logColumns(fragment`entry`)}, entry.delete_time is not null as deleted
  from log_entries as entry
  where entry.employee_no = $1 and entry.entry_id = $2
`;

import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/**
 * The next of an employee's tombstones by the ids of their entries: a range of `log_entries_pkey` with all entries in it,
 * 41 buffers for 20 among 1,000.
 */
export const exportDeletedLogEntries = statement<
  [employeeId: string, afterEntryId: string, limit: number],
  { entry_id: string; version: string; delete_epoch: EpochSeconds }
>`
  select entry.entry_id, entry.version, date_part('epoch'::text, entry.delete_time) as delete_epoch
  from log_entries as entry
  where entry.employee_no = ${employeeNoOf} and entry.entry_id > $2 and entry.delete_time is not null
  order by entry.entry_id
  limit $3
`;

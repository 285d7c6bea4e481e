import { statement } from "../../database/statement.ts";

/** Makes an entry a tombstone; what it said is wiped, its key and version stay. */
export const deleteLogEntry = statement<[employeeNo: number, entryId: string], { entry_id: string }>`
  update log_entries
  set delete_time = now(), update_time = now(), note = '', detail = '{}'
  where employee_no = $1 and entry_id = $2 and delete_time is null
  returning entry_id
`;

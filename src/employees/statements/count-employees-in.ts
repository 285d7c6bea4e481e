import { statement } from "../../database/statement.ts";

/**
 * Gives out as many employee numbers and counts as many employees. The counters must be locked. `counters` has three rows
 * and is read from end to end, 5 buffers.
 */
export const countEmployeesIn = statement<[count: number], never>`
  update counters
  set last_value = last_value + $1
  where name in ('active_employee', 'employee')
`;

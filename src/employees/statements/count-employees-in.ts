import { statement } from "../../database/statement.ts";

/** Gives out as many employee numbers and counts as many employees. The counters must be locked. */
export const countEmployeesIn = statement<[count: number], never>`
  update counters
  set last_value = last_value + $1
  where name in ('active_employee', 'employee')
`;

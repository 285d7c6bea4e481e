import { statement } from "../database/statement.ts";

/**
 * Gives out the next employee number and counts the employee. The row locks make creations in one
 * vault take turns, for as long as the rest of a short transaction lasts.
 */
export const allotEmployeeNo = statement<[], { name: string; last_value: number }>(`
  update counters
  set last_value = last_value + 1
  where name in ('employee', 'active_employee')
  returning name, last_value
`);

/** Takes a deleted employee out of the count. */
export const countEmployeeOut = statement<[], never>(`
  update counters
  set last_value = last_value - 1
  where name = 'active_employee'
`);

import { statement } from "../../database/statement.ts";

/**
 * Takes a deleted employee out of the count. Comes before any lock on the employee: a creation holds
 * the count while it waits for an employee with the same external id. `counters` has three rows and is read from end to
 * end, 3 buffers.
 */
export const countEmployeeOut = statement<[], never>`
  update counters
  set last_value = last_value - 1
  where name = 'active_employee'
`;

import { statement } from "../../database/statement.ts";

/**
 * The counters of employees, locked in the order in which every other transaction locks them. `counters` has three rows
 * and is read from end to end, 5 buffers.
 */
export const lockCounters = statement<[], { name: string; last_value: number }>`
  select name, last_value
  from counters
  where name in ('active_employee', 'employee')
  order by name
  for update
`;

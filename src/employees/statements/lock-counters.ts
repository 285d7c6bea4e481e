import { statement } from "../../database/statement.ts";

/** The counters of employees, locked in the order in which every other transaction locks them. */
export const lockCounters = statement<[], { name: string; last_value: number }>`
  select name, last_value
  from counters
  where name in ('active_employee', 'employee')
  order by name
  for update
`;

import { statement } from "../../database/statement.ts";

/**
 * Gives out the next employee number and counts the employee. The row locks make creations and
 * deletions in one vault take turns, for as long as the rest of a short transaction lasts. They are
 * taken in the order of the names, for the order of an update's own scan changes as rows move, and transactions that take
 * them in different orders meet in deadlocks. `counters` has three rows and is read from end to end, and
 * `counters_pkey` finds the two again: 14 buffers.
 */
export const allotEmployeeNo = statement<[], { name: string; last_value: number }>`
  with locked as (
    select name
    from counters
    where name in ('active_employee', 'employee')
    order by name
    for update
  )
  update counters
  set last_value = last_value + 1
  from locked
  where counters.name = locked.name
  returning counters.name, counters.last_value
`;

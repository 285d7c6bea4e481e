import type { CivilDay } from "../../civil-days.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/** A day of a kind and a source that is to be computed anew. */
export interface StaleDay {
  readonly kind: number;
  readonly day: CivilDay;
  readonly source_no: number;
}

/**
 * Locks the first stale days of a range, in the order in which writers mark them, after every transaction that has
 * marked them. Only a later statement is sure to see what those wrote. A range of `sample_days_pkey` for each kind.
 */
export const lockStaleDays = statement<
  [employeeId: string, kinds: readonly number[], from: CivilDay, to: CivilDay, limit: number],
  StaleDay
>`
  select day.kind, day.civil_day - date '1970-01-01' as day, day.source_no
  from sample_days as day
  where day.employee_no = ${employeeNoOf}
    and day.kind = any ($2::smallint[])
    and day.civil_day >= date '1970-01-01' + $3::integer
    and day.civil_day < date '1970-01-01' + $4::integer
    and day.state = 1
  order by day.kind, day.civil_day, day.source_no
  limit $5
  for update of day
`;

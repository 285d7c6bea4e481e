import type { CivilDay } from "../../civil-days.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/** A day of a source that is to be computed anew, or only how far the days were looked at. */
export interface StaleDay {
  /** The last of the days; null when none of the range is stale. */
  readonly last_day: CivilDay | null;
  /** Null when somebody else has computed all of the days meanwhile. */
  readonly day: CivilDay | null;
  readonly source_no: number;
}

/**
 * Locks the first stale days of a kind and a range, each with all of its sources, in the order in which writers mark
 * them, after every transaction that has marked them. Only a later statement is sure to see what those wrote. There is
 * always one row at least.
 *
 * Two ranges of `sample_days_pkey`, and each row to be locked: 330 buffers for ten days of four sources. Days are counted
 * and not rows, for a day is computed by one look at its samples, however many sources these have.
 */
export const lockStaleDays = statement<
  [employeeId: string, kind: number, from: CivilDay, to: CivilDay, maxDays: number],
  StaleDay
>`
  with bound as (
    select max(first.civil_day) as last_day
    from (
      select distinct one.civil_day
      from sample_days as one
      where one.employee_no = ${employeeNoOf}
        and one.kind = $2::smallint
        and one.civil_day >= date '1970-01-01' + $3::integer
        and one.civil_day < date '1970-01-01' + $4::integer
        and one.state = 1
      order by one.civil_day
      limit $5
    ) as first
  ),
  locked as (
    select day.civil_day, day.source_no
    from sample_days as day
    where day.employee_no = ${employeeNoOf}
      and day.kind = $2::smallint
      and day.civil_day >= date '1970-01-01' + $3::integer
      and day.civil_day <= (select bound.last_day from bound)
      and day.state = 1
    order by day.civil_day, day.source_no
    for update of day
  )
  select
    bound.last_day - date '1970-01-01' as last_day,
    locked.civil_day - date '1970-01-01' as day,
    locked.source_no
  from bound
  left join locked on true
`;

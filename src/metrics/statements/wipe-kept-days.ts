import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/**
 * Wipes the days of a kind and a source that are kept because their samples were purged and that lie whole within a
 * range of time, by whatever offset they are taken. They stay kept, with a count of 0. A range of `sample_days_pkey`
 * and a new version of each row, 626 buffers for 100 days.
 *
 * With an offset of 14 hours a day begins and ends so much earlier or later than in UTC, and the samples of a night
 * begin up to two days before the day on which it ends.
 */
export const wipeKeptDays = statement<
  [
    employeeId: string,
    kind: number,
    from: string,
    to: string,
    slug: string,
    daily: boolean,
    /** Whether the civil day of the kind's samples is the one on which they end, unless they are daily. */
    isByWakingDay: boolean,
  ],
  never
>`
  update sample_days as day
  set count = 0, sum = 0, min = 0, max = 0, last = 0, last_time = '-infinity'
  where day.employee_no = ${employeeNoOf}
    and day.kind = $2::smallint
    and day.source_no = (select one.source_no from sample_sources as one where one.slug = $5 and one.daily = $6::boolean)
    and day.state = 2
    and day.count > 0
    and day.civil_day >= date '1970-01-01' + ceil((
      date_part('epoch'::text, $3::timestamptz) + case when $7::boolean and not $6::boolean then 223200 else 50400 end
    ) / 86400)::integer
    and day.civil_day < date '1970-01-01' + floor((
      date_part('epoch'::text, $4::timestamptz) - 50400
    ) / 86400)::integer
`;

import { fragment } from "../../database/statement.ts";

/**
 * Civil days as numbers, for statements about samples. The days of a sample that `touched` has are counted from
 * 1970-01-01; `by_end` says that the sample's civil day is the one on which it ends.
 */
const ownDay = fragment`floor((
      date_part('epoch'::text, touched.start_time)
      + case when touched.by_end then touched.end_seconds else 0 end
      + touched.utc_offset_minutes * 60
    ) / 86400)::integer`;

/** The day, in UTC, on which a sample starts: part of its key, and so the same for all of its versions. */
const utcDay = fragment`floor(date_part('epoch'::text, touched.start_time) / 86400)::integer`;

/**
 * Marks the days of samples as stale, as the last part of the statement that writes them. `touched` has them:
 * employee_no, kind, start_time, source_no, end_seconds, utc_offset_minutes, by_end, and `moved`, which says that a
 * version with another offset or end, and so of another day, may have been replaced: then every day that it may have
 * been of is marked. That is a day before to one after the start in UTC, and three after it for a night.
 *
 * A mark that is there is locked all the same: whoever computes the day waits for this transaction and sees
 * what it wrote. Days are marked in the order of the key, and whoever computes them locks them in that order, so
 * nobody waits in a circle. A day that is kept for its samples were purged stays as it is.
 */
export const markDays = fragment`
    insert into sample_days as day (employee_no, kind, civil_day, source_no)
    select distinct span.employee_no, span.kind, date '1970-01-01' + days.day, span.source_no
    from (
      select distinct
        touched.employee_no, touched.kind, touched.source_no,
        case when touched.moved then ${utcDay} - 1 else ${ownDay} end as first_day,
        case when not touched.moved then ${ownDay} when touched.by_end then ${utcDay} + 3 else ${utcDay} + 1 end as last_day
      from touched
    ) as span
    cross join lateral generate_series(span.first_day, span.last_day) as days (day)
    order by 1, 2, 3, 4
    on conflict (employee_no, kind, civil_day, source_no) do update set state = 1 where day.state = 0`;

import type { CivilDay } from "../../civil-days.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/**
 * Computes days of a kind from their samples. To be run under the locks of the days, as a statement of its own; see
 * `lockStaleDays`.
 *
 * For each run of days of a source that follow each other one range of `samples_pkey`, and a look-up for each latest
 * sample: 259 buffers for a day of four sources with 720 samples each, 1,058 buffers for ten. With every offset there is, a
 * day begins up to 14 hours before or after it does in UTC, and a night that ends on it begins up to two days earlier. The
 * offset of 0 has the day of a sample computed once and not wherever it is named.
 */
export const computeDays = statement<
  [
    employeeId: string,
    kind: number,
    /** The days and their sources, an element for each. */
    days: readonly CivilDay[],
    sourceNos: readonly number[],
    /** Whether the civil day of the kind's samples is the one on which they end, unless they are daily. */
    isByWakingDay: boolean,
  ],
  never
>`
  with stale as (
    select stale.day, stale.source_no
    from unnest($3::integer[], $4::smallint[]) as stale (day, source_no)
  ),
  runs as (
    select
      numbered.source_no, min(numbered.day) as first_day, max(numbered.day) as last_day,
      $5::boolean and not exists (
        select from sample_sources as source where source.source_no = numbered.source_no and source.daily
      ) as by_end
    from (
      select
        stale.day, stale.source_no, stale.day - row_number() over (partition by stale.source_no order by stale.day) as run
      from stale
    ) as numbered
    group by numbered.source_no, numbered.run
  ),
  fresh as materialized (
    select runs.source_no, found.day, found.count, found.sum, found.min, found.max, found.last_time
    from runs
    cross join lateral (
      select
        placed.day, count(*)::integer as count, sum(placed.value) as sum, min(placed.value) as min,
        max(placed.value) as max, max(placed.start_time) as last_time
      from (
        select
          sample.start_time, sample.value,
          floor((
            date_part('epoch'::text, sample.start_time)
            + case when runs.by_end then sample.end_seconds else 0 end
            + sample.utc_offset_minutes * 60
          ) / 86400)::integer as day
        from samples as sample
        where sample.employee_no = ${employeeNoOf}
          and sample.kind = $2::smallint
          and sample.source_no = runs.source_no
          and sample.start_time
            >= to_timestamp((runs.first_day * 86400::bigint - case when $5::boolean then 223200 else 50400 end)::float8)
          and sample.start_time < to_timestamp((runs.last_day * 86400::bigint + 136800)::float8)
          and sample.recording_method >= 0
        offset 0
      ) as placed
      where placed.day between runs.first_day and runs.last_day
      group by placed.day
    ) as found
  )
  update sample_days as day
  set
    state = 0,
    count = coalesce(fresh.count, 0),
    sum = coalesce(fresh.sum, 0),
    min = coalesce(fresh.min, 0),
    max = coalesce(fresh.max, 0),
    last = coalesce(latest.value, 0),
    last_time = coalesce(fresh.last_time, '-infinity')
  from stale
  left join fresh on fresh.day = stale.day and fresh.source_no = stale.source_no
  left join lateral (
    select one.value
    from samples as one
    where one.employee_no = ${employeeNoOf}
      and one.kind = $2::smallint
      and one.source_no = stale.source_no
      and one.start_time = fresh.last_time
    limit 1
  ) as latest on true
  where day.employee_no = ${employeeNoOf}
    and day.kind = $2::smallint
    and day.civil_day = date '1970-01-01' + stale.day
    and day.source_no = stale.source_no
`;

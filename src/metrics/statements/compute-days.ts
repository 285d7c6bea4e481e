import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import type { NumberArray } from "./put-samples.ts";

/**
 * Computes days from their samples. To be run under the locks of the days, as a statement of its own; see
 * `lockStaleDays`.
 *
 * For each day two ranges of `samples_pkey`, one of them read from its end: with every offset there is, a day
 * begins up to 14 hours before or after it does in UTC, and a night that ends on it begins up to two days earlier.
 */
export const computeDays = statement<
  [
    employeeId: string,
    kinds: NumberArray,
    /** Counted from 1970-01-01. */
    days: NumberArray,
    sourceNos: NumberArray,
    /** The numbers of the kinds whose civil day is the one on which a sample ends. */
    wakingKinds: NumberArray,
  ],
  never
>`
  with stale as (
    select
      stale.kind, stale.day, stale.source_no, stale.kind = any ($5::smallint[]) and not source.daily as by_end,
      ${employeeNoOf} as employee_no
    from unnest($2::smallint[], $3::integer[], $4::smallint[]) as stale (kind, day, source_no)
    join sample_sources as source on source.source_no = stale.source_no
  ),
  bounds as (
    select
      stale.employee_no, stale.kind, stale.day, stale.source_no, stale.by_end,
      to_timestamp((stale.day * 86400::bigint - case when stale.by_end then 223200 else 50400 end)::float8) as first_start,
      to_timestamp((stale.day * 86400::bigint + 136800)::float8) as last_start
    from stale
  )
  update sample_days as day
  set
    state = 0,
    count = fresh.count,
    sum = fresh.sum,
    min = fresh.min,
    max = fresh.max,
    last = coalesce(latest.value, 0),
    last_time = coalesce(latest.start_time, '-infinity')
  from bounds
  cross join lateral (
    select
      count(*)::integer as count,
      coalesce(sum(sample.value), 0) as sum,
      coalesce(min(sample.value), 0) as min,
      coalesce(max(sample.value), 0) as max
    from samples as sample
    where sample.employee_no = bounds.employee_no
      and sample.kind = bounds.kind
      and sample.source_no = bounds.source_no
      and sample.start_time >= bounds.first_start
      and sample.start_time < bounds.last_start
      and sample.recording_method >= 0
      and floor((
        date_part('epoch'::text, sample.start_time)
        + case when bounds.by_end then sample.end_seconds else 0 end
        + sample.utc_offset_minutes * 60
      ) / 86400)::integer = bounds.day
  ) as fresh
  left join lateral (
    select sample.value, sample.start_time
    from samples as sample
    where sample.employee_no = bounds.employee_no
      and sample.kind = bounds.kind
      and sample.source_no = bounds.source_no
      and sample.start_time >= bounds.first_start
      and sample.start_time < bounds.last_start
      and sample.recording_method >= 0
      and floor((
        date_part('epoch'::text, sample.start_time)
        + case when bounds.by_end then sample.end_seconds else 0 end
        + sample.utc_offset_minutes * 60
      ) / 86400)::integer = bounds.day
    order by sample.start_time desc
    limit 1
  ) as latest on true
  where day.employee_no = bounds.employee_no
    and day.kind = bounds.kind
    and day.civil_day = date '1970-01-01' + bounds.day
    and day.source_no = bounds.source_no
`;

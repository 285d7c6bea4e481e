import type { CivilDay, Period } from "../../civil-days.ts";
import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/** A bucket, or nothing but whether days are stale; both for the same question. */
export interface AggregateRow {
  /** Whether a day of the range is stale: then the buckets are those of before. */
  readonly stale: boolean;
  /** Null when there is no bucket. */
  readonly kind: number | null;
  /** First day of the bucket. */
  readonly start_day: CivilDay;
  readonly day_count: number;
  readonly count: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly last: number;
  readonly last_epoch: EpochSeconds;
}

/**
 * What the days of a range come to in periods, for each kind. Of a source with a total of the day, the total is
 * taken and not what lies within the day; of several totals of a day, which changes of the offset leave behind, the
 * largest for kinds that are added. Of several sources, the one with the most is taken for kinds that are added, day by
 * day, and all for the others. Where sources are alike, the first by slug is taken. There is always one row at least.
 *
 * For each kind a range of `sample_days_pkey`, which has a row for each day and source: 40 buffers for a year of four sources.
 */
export const aggregateSampleDays = statement<
  [
    employeeId: string,
    kinds: readonly number[],
    from: CivilDay,
    to: CivilDay,
    period: Period,
    source: string | null,
    addedKinds: readonly number[],
  ],
  AggregateRow
>`
  with found as (
    select
      day.kind, day.civil_day, source.slug, source.daily, day.min, day.max, day.last, day.last_time, day.state,
      case when source.daily and day.kind = any ($7::smallint[]) then least(day.count, 1) else day.count end as count,
      case when source.daily and day.kind = any ($7::smallint[]) then day.max else day.sum end as sum,
      bool_or(source.daily and day.count > 0) over (partition by day.kind, day.civil_day, source.slug) as has_total
    from sample_days as day
    join sample_sources as source on source.source_no = day.source_no
    where day.employee_no = ${employeeNoOf}
      and day.kind = any ($2::smallint[])
      and day.civil_day >= date '1970-01-01' + $3::integer
      and day.civil_day < date '1970-01-01' + $4::integer
      and ($6::text is null or source.slug = $6::text)
  ),
  ranked as (
    select
      found.kind, found.civil_day, found.slug, found.count, found.sum, found.min, found.max, found.last, found.last_time,
      row_number() over (partition by found.kind, found.civil_day order by found.sum desc, found.slug) as place
    from found
    where found.count > 0 and (found.daily or not found.has_total)
  ),
  buckets as (
    select
      ranked.kind,
      date_trunc($5::text, ranked.civil_day::timestamp)::date - date '1970-01-01' as start_day,
      count(distinct ranked.civil_day)::integer as day_count,
      sum(ranked.count)::float8 as count,
      sum(ranked.sum) as sum,
      min(ranked.min) as minimum,
      max(ranked.max) as maximum,
      (array_agg(ranked.last order by ranked.last_time desc, ranked.slug))[1] as last,
      date_part('epoch'::text, max(ranked.last_time)) as last_epoch
    from ranked
    where ranked.place = 1 or ranked.kind <> all ($7::smallint[])
    group by ranked.kind, start_day
  )
  select
    (select coalesce(bool_or(found.state = 1), false) from found) as stale,
    buckets.kind, buckets.start_day, buckets.day_count, buckets.count, buckets.sum, buckets.minimum, buckets.maximum,
    buckets.last, buckets.last_epoch
  from (values (1)) as once (one)
  left join buckets on true
  order by buckets.kind, buckets.start_day
`;

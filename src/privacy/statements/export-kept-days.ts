import type { CivilDay } from "../../civil-days.ts";
import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/** A day that is kept because samples of it were purged. */
export interface KeptDayRow {
  readonly kind: number;
  readonly day: CivilDay;
  readonly source_no: number;
  readonly slug: string;
  readonly daily: boolean;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
  readonly last_epoch: EpochSeconds;
}

/**
 * The next of an employee's kept days by their key: a range of `sample_days_pkey` with all days in
 * it, 49 buffers for 400 among 1,580.
 */
export const exportKeptDays = statement<
  [employeeId: string, afterKind: number, afterDay: CivilDay, afterSourceNo: number, limit: number],
  KeptDayRow
>`
  select
    kept.kind, kept.civil_day - date '1970-01-01' as day, kept.source_no, source.slug, source.daily, kept.count, kept.sum,
    kept.min, kept.max, kept.last, date_part('epoch'::text, kept.last_time) as last_epoch
  from (
    select
      one.kind, one.civil_day, one.source_no, one.count, one.sum, one.min, one.max, one.last, one.last_time
    from sample_days as one
    where one.employee_no = ${employeeNoOf}
      and one.state = 2
      and one.count > 0
      and (one.kind, one.civil_day, one.source_no) > ($2::smallint, date '1970-01-01' + $3::integer, $4::smallint)
    order by one.kind, one.civil_day, one.source_no
    limit $5
  ) as kept
  join sample_sources as source on source.source_no = kept.source_no
  order by kept.kind, kept.civil_day, kept.source_no
`;

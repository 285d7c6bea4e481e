import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/** A sample as the service reads it. */
export interface SampleRow {
  readonly kind: number;
  readonly start_epoch: EpochSeconds;
  readonly end_seconds: number;
  readonly utc_offset_minutes: number;
  readonly value: number;
  readonly source_no: number;
  readonly slug: string;
  readonly daily: boolean;
  readonly version: string;
  readonly recording_method: number;
  readonly record_epoch: EpochSeconds;
}

/**
 * A page of an employee's samples, newest first. Each kind is a backward scan of the primary key that
 * stops after a page, so the cost grows with the page and the kinds, not with what is stored: 18 buffers for 51
 * samples of one kind. The work of two statements in six sevenths of their time.
 */
export const listSamples = statement<
  [
    employeeId: string,
    kinds: readonly number[],
    from: string | null,
    to: string | null,
    source: string | null,
    beforeTime: string | null,
    beforeKind: number | null,
    beforeSourceNo: number | null,
    limit: number,
  ],
  SampleRow
>`
  select
    sample.kind,
    date_part('epoch'::text, sample.start_time) as start_epoch,
    sample.end_seconds,
    sample.utc_offset_minutes,
    sample.value,
    sample.source_no,
    source.slug,
    source.daily,
    sample.version::text as version,
    sample.recording_method,
    date_part('epoch'::text, sample.record_time) as record_epoch
  from unnest($2::smallint[]) as wanted (kind)
  cross join lateral (
    select
      one.kind, one.start_time, one.source_no, one.end_seconds, one.utc_offset_minutes, one.value, one.version,
      one.recording_method, one.record_time
    from samples as one
    where one.employee_no = ${employeeNoOf}
      and one.kind = wanted.kind
      and one.recording_method >= 0
      and one.start_time >= coalesce($3::timestamptz, '-infinity')
      and one.start_time < coalesce($4::timestamptz, 'infinity')
      and one.start_time <= coalesce($6::timestamptz, 'infinity')
      and (one.start_time, one.kind, one.source_no)
        < (coalesce($6::timestamptz, 'infinity'), coalesce($7::smallint, 0), coalesce($8::smallint, 0))
      and (
        $5::text is null
        or one.source_no in (select chosen.source_no from sample_sources as chosen where chosen.slug = $5::text)
      )
    order by one.start_time desc, one.source_no desc
    limit $9
  ) as sample
  join sample_sources as source on source.source_no = sample.source_no
  order by sample.start_time desc, sample.kind desc, sample.source_no desc
  limit $9
`;

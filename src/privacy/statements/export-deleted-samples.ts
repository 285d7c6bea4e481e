import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";

/** A tombstone of a sample. */
export interface DeletedSampleRow {
  readonly kind: number;
  readonly start_epoch: EpochSeconds;
  readonly utc_offset_minutes: number;
  readonly source_no: number;
  readonly slug: string;
  readonly daily: boolean;
  readonly version: string;
  readonly delete_epoch: EpochSeconds;
}

/**
 * The next tombstones of an employee's samples by their key: a range of `samples_pkey` with all samples in it, 1,385 buffers
 * for 1,728 among 86,400.
 */
export const exportDeletedSamples = statement<
  [employeeId: string, afterKind: number, afterSourceNo: number, afterTime: string, limit: number],
  DeletedSampleRow
>`
  select
    sample.kind,
    date_part('epoch'::text, sample.start_time) as start_epoch,
    sample.utc_offset_minutes,
    sample.source_no,
    source.slug,
    source.daily,
    sample.version::text as version,
    date_part('epoch'::text, sample.record_time) as delete_epoch
  from (
    select one.kind, one.start_time, one.source_no, one.utc_offset_minutes, one.version, one.record_time
    from samples as one
    where one.employee_no = ${employeeNoOf}
      and one.recording_method < 0
      and (one.kind, one.source_no, one.start_time) > ($2::smallint, $3::smallint, $4::timestamptz)
    order by one.kind, one.source_no, one.start_time
    limit $5
  ) as sample
  join sample_sources as source on source.source_no = sample.source_no
  order by sample.kind, sample.source_no, sample.start_time
`;

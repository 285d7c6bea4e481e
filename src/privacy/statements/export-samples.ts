import { statement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type SampleRow, sampleRows } from "../../metrics/statements/list-samples.ts";

/** The next of an employee's samples by their key: a range of `samples_pkey`. */
export const exportSamples = withRows(
  sampleRows,
  statement<
    [employeeId: string, afterKind: number, afterSourceNo: number, afterTime: string, limit: number],
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
    from (
      select
        one.kind, one.start_time, one.source_no, one.end_seconds, one.utc_offset_minutes, one.value, one.version,
        one.recording_method, one.record_time
      from samples as one
      where one.employee_no = ${employeeNoOf}
        and one.recording_method >= 0
        and (one.kind, one.source_no, one.start_time) > ($2::smallint, $3::smallint, $4::timestamptz)
      order by one.kind, one.source_no, one.start_time
      limit $5
    ) as sample
    join sample_sources as source on source.source_no = sample.source_no
    order by sample.kind, sample.source_no, sample.start_time
  `,
);

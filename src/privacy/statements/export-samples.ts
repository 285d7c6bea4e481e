import { statement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { type SampleRow, sampleColumns, sampleRows } from "../../metrics/statements/list-samples.ts";

/**
 * The next of an employee's samples by their key: a range of `samples_pkey`, and a look at `sample_sources` for each. 1,027
 * buffers for 1,000 samples, all but some 25 of them for the latter, which is a single page.
 */
export const exportSamples = withRows(
  sampleRows,
  statement<
    [employeeId: string, afterKind: number, afterSourceNo: number, afterTime: string, limit: number],
    SampleRow
  >`
    select
      ${sampleColumns}
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

import type { EpochSeconds } from "../../civil-time.ts";
import { booleanAt, numberAt, type RowReader, textAt } from "../../database/row-reader.ts";
import { fragment, keptStatement, withRows } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import type { MetricSample, RecordingMethod } from "../../gen/wellvault/v1/metric_pb.ts";
import { toSample } from "../sample-message.ts";

/** The columns of a sample in the form the service reads; the tables' aliases are `sample` and `source`. */
export const sampleColumns = fragment`
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
    date_part('epoch'::text, sample.record_time) as record_epoch`;

/** A row of {@link sampleColumns}: the message that it becomes, and the key, which the message says in other words. */
export interface SampleRow {
  readonly sample: MetricSample;
  readonly kind: number;
  readonly start_epoch: EpochSeconds;
  readonly source_no: number;
}

/** Reads rows of {@link sampleColumns}. */
export const sampleRows: RowReader<SampleRow> = {
  columns: [
    "kind",
    "start_epoch",
    "end_seconds",
    "utc_offset_minutes",
    "value",
    "source_no",
    "slug",
    "daily",
    "version",
    "recording_method",
    "record_epoch",
  ],
  read(texts) {
    const kind = numberAt(texts, 0);
    const start = numberAt(texts, 1);
    const sample = toSample({
      kind,
      start,
      endSeconds: numberAt(texts, 2),
      utcOffsetMinutes: numberAt(texts, 3),
      value: numberAt(texts, 4),
      source: textAt(texts, 6),
      daily: booleanAt(texts, 7),
      version: BigInt(textAt(texts, 8)),
      recordingMethod: numberAt(texts, 9) as RecordingMethod,
      record: numberAt(texts, 10),
    });
    return { sample, kind, start_epoch: start, source_no: numberAt(texts, 5) };
  },
};

/**
 * A page of an employee's samples, newest first. The sources of a kind are looked up in the primary key, each from the
 * one before, and each is a backward scan of the key that stops after a page: so the cost grows with the page, the
 * kinds and the person's own sources of them, and not with what is stored or with what others use. 44 buffers for 51
 * samples of a person with four sources, 138 buffers for 1,441.
 */
export const listSamples = withRows(
  sampleRows,
  keptStatement<
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
    with recursive person as materialized (
      select ${employeeNoOf} as employee_no
    ),
    streams as (
      select wanted.kind, first.source_no
      from unnest($2::smallint[]) as wanted (kind)
      cross join lateral (
        select one.source_no
        from samples as one
        where one.employee_no = (select person.employee_no from person) and one.kind = wanted.kind
        order by one.source_no
        limit 1
      ) as first
      union all
      select streams.kind, next.source_no
      from streams
      cross join lateral (
        select one.source_no
        from samples as one
        where one.employee_no = (select person.employee_no from person)
          and one.kind = streams.kind
          and one.source_no > streams.source_no
        order by one.source_no
        limit 1
      ) as next
    )
    select
      ${sampleColumns}
    from streams
    join sample_sources as source on source.source_no = streams.source_no and ($5::text is null or source.slug = $5::text)
    cross join lateral (
      select
        one.kind, one.start_time, one.source_no, one.end_seconds, one.utc_offset_minutes, one.value, one.version,
        one.recording_method, one.record_time
      from samples as one
      where one.employee_no = (select person.employee_no from person)
        and one.kind = streams.kind
        and one.source_no = streams.source_no
        and one.recording_method >= 0
        and one.start_time >= coalesce($3::timestamptz, '-infinity')
        and one.start_time < coalesce($4::timestamptz, 'infinity')
        and one.start_time <= coalesce($6::timestamptz, 'infinity')
        and (one.start_time, one.kind, one.source_no)
          < (coalesce($6::timestamptz, 'infinity'), coalesce($7::smallint, 0), coalesce($8::smallint, 0))
      order by one.start_time desc
      limit $9
    ) as sample
    order by sample.start_time desc, sample.kind desc, sample.source_no desc
    limit $9
  `,
);

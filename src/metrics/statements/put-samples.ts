import { statement } from "../../database/statement.ts";

/** The arrays of a batch, one element a sample, in the order of the samples' keys. */
export type SampleArrays = [
  employeeNo: number,
  kinds: readonly number[],
  startTimes: readonly string[],
  sourceNos: readonly number[],
  versions: readonly string[],
  values: readonly number[],
  endSeconds: readonly number[],
  utcOffsetMinutes: readonly number[],
  recordingMethods: readonly number[],
];

/**
 * Stores a batch: new keys are inserted, lower versions replaced, equal and higher ones kept. Returns
 * how many rows were inserted and how many replaced. One statement for any number of samples.
 */
export const putSamples = statement<SampleArrays, { inserted: number; replaced: number }>`
  with written as (
    insert into samples as stored (
      employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
    )
    select
      $1, incoming.kind, incoming.start_time, incoming.source_no, incoming.version, incoming.value,
      incoming.end_seconds, incoming.utc_offset_minutes, incoming.recording_method
    from unnest(
      $2::smallint[], $3::timestamptz[], $4::smallint[], $5::bigint[], $6::double precision[],
      $7::integer[], $8::smallint[], $9::smallint[]
    ) as incoming (
      kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
    )
    on conflict (employee_no, kind, start_time, source_no) do update set
      version = excluded.version,
      value = excluded.value,
      end_seconds = excluded.end_seconds,
      utc_offset_minutes = excluded.utc_offset_minutes,
      recording_method = excluded.recording_method,
      record_time = now()
    where excluded.version > stored.version
    returning xmax = 0 as inserted
  )
  select
    count(*) filter (where inserted)::integer as inserted,
    count(*) filter (where not inserted)::integer as replaced
  from written
`;

/** Counts the samples of a batch, each with its copies, for which a higher version is stored. */
export const countStaleSamples = statement<
  [
    employeeNo: number,
    kinds: readonly number[],
    startTimes: readonly string[],
    sourceNos: readonly number[],
    versions: readonly string[],
    copies: readonly number[],
  ],
  { stale: number }
>`
  select coalesce(sum(incoming.copies), 0)::integer as stale
  from unnest($2::smallint[], $3::timestamptz[], $4::smallint[], $5::bigint[], $6::integer[])
    as incoming (kind, start_time, source_no, version, copies)
  join samples as stored using (kind, start_time, source_no)
  where stored.employee_no = $1 and stored.version > incoming.version
`;

import { fragment, keptStatement } from "../../database/statement.ts";
import { markDays } from "./sample-day.ts";

/** Numbers as the text of a PostgreSQL array, which costs a fifth of what `pg` takes to write an array. */
export type NumberArray = string;

/** Which rows a batch is about: arrays with an element for each sample, in the order of the samples' keys. */
export type SampleKeys = [
  employeeId: string,
  /** The batch's sources, each slug with whether its values are daily. */
  slugs: readonly string[],
  daily: readonly boolean[],
  kinds: NumberArray,
  /** Seconds since 1970. */
  starts: NumberArray,
  /** The place of the sample's source among the sources, from 1. */
  sources: NumberArray,
  versions: NumberArray,
];

/** A whole batch. */
export type SampleArrays = [
  ...keys: SampleKeys,
  values: NumberArray,
  endSeconds: NumberArray,
  utcOffsetMinutes: NumberArray,
  recordingMethods: NumberArray,
  /** The numbers of the kinds whose civil day is the one on which a sample ends. */
  wakingKinds: NumberArray,
];

/** What became of a batch. */
export interface PutCounts {
  /** Whether the vault has numbers for all of the sources. If not, nothing was stored. */
  readonly known: boolean;
  readonly inserted: number;
  readonly replaced: number;
  /**
   * Places, from 1, of the samples that were not stored for a higher version or a deletion of theirs was there when the statement began;
   * null when none. What was there in the same version is neither here nor in `unseen`: what becomes of it meanwhile comes after.
   */
  readonly stale: readonly number[] | null;
  /**
   * Places of the samples that were not stored although the statement sees no row of theirs, or one of a lower version: another transaction
   * wrote them at this very moment, in the same version or a higher one. Null when none.
   */
  readonly unseen: readonly number[] | null;
}

/** The numbers of the batch's sources in their order, null for one that has none. */
const sourceNos = fragment`array(
      select (
        select source.source_no
        from sample_sources as source
        where source.slug = wanted.slug and source.daily = wanted.daily
      )
      from unnest($2::text[], $3::boolean[]) as wanted (slug, daily)
    )`;

/**
 * Stores a batch: new keys are inserted, lower versions replaced, equal and higher ones kept. Returns nothing
 * when there is no such employee, or one who has left (any state but 1). The days of what was written are marked
 * as stale; a batch that changes nothing marks none.
 *
 * `employees_employee_id_key`, `sample_sources_slug_daily_key` for each source, then an insertion by way of `samples_pkey`
 * for each sample: 30 buffers for one sample and 19,053 buffers for 1,000 of a day, nearly half of them for the two
 * foreign keys, which take more than half of the time. When all of them are stored already it is 10,005 buffers, 4,000 of them to
 * see in which version, and 12,131 buffers for 1,000 higher versions.
 *
 * It does the work of three statements in as long as these take in PostgreSQL, for 1, 20 and 1,000 samples, and in one
 * round trip. What was not stored is looked up by its key, one by one, and only then: a join would read the whole table, for
 * PostgreSQL does not know how few rows a batch meets.
 */
export const putSamples = keptStatement<SampleArrays, PutCounts>`
  with known as (
    select employee.employee_no, ${sourceNos} as source_nos
    from employees as employee
    where employee.employee_id = $1 and employee.delete_time is null and employee.state = 1
  ),
  written as (
    insert into samples as stored (
      employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
    )
    select
      known.employee_no, incoming.kind, to_timestamp(incoming.start), known.source_nos[incoming.source],
      incoming.version, incoming.value, incoming.end_seconds, incoming.utc_offset_minutes,
      incoming.recording_method
    from known
    cross join unnest(
      $4::smallint[], $5::float8[], $6::smallint[], $7::bigint[], $8::float8[], $9::integer[], $10::smallint[],
      $11::smallint[]
    ) as incoming (
      kind, start, source, version, value, end_seconds, utc_offset_minutes, recording_method
    )
    where array_position(known.source_nos, null) is null
    on conflict (employee_no, kind, source_no, start_time) do update set
      version = excluded.version,
      value = excluded.value,
      end_seconds = excluded.end_seconds,
      utc_offset_minutes = excluded.utc_offset_minutes,
      recording_method = excluded.recording_method,
      record_time = now()
    where excluded.version > stored.version
    returning
      stored.employee_no, stored.kind, stored.start_time, stored.source_no, stored.end_seconds,
      stored.utc_offset_minutes, xmax = 0 as inserted
  ),
  touched as (
    select
      written.employee_no, written.kind, written.start_time, written.source_no, written.end_seconds,
      written.utc_offset_minutes, not written.inserted as moved,
      written.kind = any ($12::smallint[])
        and not ($3::boolean[])[array_position(known.source_nos, written.source_no)] as by_end
    from written
    cross join known
  ),
  marked as (${markDays}
  ),
  counts as (
    select
      count(*) filter (where inserted)::integer as inserted,
      count(*) filter (where not inserted)::integer as replaced
    from written
  ),
  unwritten as materialized (
    select
      incoming.place::integer as place, incoming.version, known.employee_no, incoming.kind,
      to_timestamp(incoming.start) as start_time, known.source_nos[incoming.source] as source_no
    from known
    cross join unnest($4::smallint[], $5::float8[], $6::smallint[], $7::bigint[]) with ordinality
      as incoming (kind, start, source, version, place)
    where (select counts.inserted + counts.replaced from counts) < cardinality($4::smallint[])
      and array_position(known.source_nos, null) is null
      and not exists (
        select
        from written
        where written.kind = incoming.kind
          and written.start_time = to_timestamp(incoming.start)
          and written.source_no = known.source_nos[incoming.source]
      )
  ),
  met as (
    select
      array_agg(unwritten.place) filter (
        where there.version > unwritten.version
          or (there.version = unwritten.version and there.recording_method < 0)
      ) as stale,
      array_agg(unwritten.place) filter (where coalesce(there.version < unwritten.version, true)) as unseen
    from unwritten
    left join lateral (
      select one.version, one.recording_method
      from samples as one
      where one.employee_no = unwritten.employee_no
        and one.kind = unwritten.kind
        and one.source_no = unwritten.source_no
        and one.start_time = unwritten.start_time
      limit 1
    ) as there on true
  )
  select
    array_position(known.source_nos, null) is null as known,
    counts.inserted,
    counts.replaced,
    met.stale,
    met.unseen
  from known
  cross join counts
  cross join met
`;

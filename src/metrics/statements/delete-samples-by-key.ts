import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import type { NumberArray } from "./put-samples.ts";
import { markDays } from "./sample-day.ts";

/** Which samples to delete: arrays with an element for each key, and the sources that the keys name. */
export type DeletedKeys = [
  employeeId: string,
  slugs: readonly string[],
  daily: readonly boolean[],
  kinds: NumberArray,
  /** Seconds since 1970. */
  starts: NumberArray,
  /** The place of the key's source among the sources, from 1. */
  sources: NumberArray,
  /** The numbers of the kinds whose civil day is the one on which a sample ends. */
  wakingKinds: NumberArray,
  /** The highest version to delete; 0 for any. */
  versions: NumberArray,
];

/**
 * Makes tombstones of the samples with these keys, and marks their days as stale. What a sample said is wiped; its
 * key, offset and end stay, and its version or the key's, whichever is higher. A tombstone that is there gets the key's
 * version when that is higher, and nothing else. Returns how many samples there were, and how many stay because they have
 * a higher version.
 *
 * A look-up in `samples_pkey` for each key, in the order in which batches write, so that the two never wait for each other
 * in a circle, and a new version of each row: 17,389 buffers for 1,000 keys. The limit of one keeps PostgreSQL from reading
 * the whole table for many keys.
 */
export const deleteSamplesByKey = statement<DeletedKeys, { deleted: number; stale: number }>`
  with found as (
    select
      stored.employee_no, stored.kind, stored.start_time, stored.source_no, source.daily, wanted.version,
      stored.recording_method < 0 as is_gone,
      stored.recording_method >= 0 and wanted.version > 0 and stored.version > wanted.version as is_higher
    from unnest($4::smallint[], $5::float8[], $6::smallint[], $8::bigint[]) as wanted (kind, start, source, version)
    join unnest($2::text[], $3::boolean[]) with ordinality as named (slug, daily, place) on named.place = wanted.source
    join sample_sources as source on source.slug = named.slug and source.daily = named.daily
    cross join lateral (
      select one.employee_no, one.kind, one.start_time, one.source_no, one.version, one.recording_method
      from samples as one
      where one.employee_no = ${employeeNoOf}
        and one.kind = wanted.kind
        and one.start_time = to_timestamp(wanted.start)
        and one.source_no = source.source_no
      limit 1
      for update
    ) as stored
  ),
  deleted as (
    update samples as stored
    set
      recording_method = -1, value = 0, version = greatest(stored.version, found.version),
      record_time = case when found.is_gone then stored.record_time else now() end
    from found
    where stored.employee_no = found.employee_no
      and stored.kind = found.kind
      and stored.start_time = found.start_time
      and stored.source_no = found.source_no
      and not found.is_higher
      and (not found.is_gone or stored.version < found.version)
    returning
      stored.employee_no, stored.kind, stored.start_time, stored.source_no, stored.end_seconds,
      stored.utc_offset_minutes, found.daily, found.is_gone
  ),
  touched as (
    select
      deleted.employee_no, deleted.kind, deleted.start_time, deleted.source_no, deleted.end_seconds,
      deleted.utc_offset_minutes, false as moved, deleted.kind = any ($7::smallint[]) and not deleted.daily as by_end
    from deleted
    where not deleted.is_gone
  ),
  marked as (${markDays}
  )
  select
    (select count(*)::integer from deleted where not deleted.is_gone) as deleted,
    (select count(*)::integer from found where found.is_higher) as stale
`;

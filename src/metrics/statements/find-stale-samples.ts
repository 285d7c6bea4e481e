import { statement } from "../../database/statement.ts";
import type { SampleKeys } from "./put-samples.ts";

/**
 * Of the samples of a batch that `putSamples` did not store and whose rows it did not see, the places, from 1, of those for which
 * a higher version is there, or which were deleted; for the others it is the same. It asks for the rows of a deleted employee, too: the samples met them.
 *
 * A scan of `samples_pkey` for each sample, 4,004 buffers for 1,000. The limit keeps PostgreSQL from reading the whole table
 * instead: with it, a batch of 1,000 that is sent again takes a fourteenth of the time beside 900,000 samples.
 */
export const findStaleSamples = statement<[...SampleKeys, unseen: readonly number[]], { place: number }>`
  select incoming.place::integer as place
  from employees as employee
  cross join unnest($4::smallint[], $5::float8[], $6::smallint[], $7::bigint[]) with ordinality
    as incoming (kind, start, source, version, place)
  join unnest($2::text[], $3::boolean[]) with ordinality as wanted (slug, daily, place)
    on wanted.place = incoming.source
  join sample_sources as source on source.slug = wanted.slug and source.daily = wanted.daily
  cross join lateral (
    select one.version, one.recording_method
    from samples as one
    where one.employee_no = employee.employee_no
      and one.kind = incoming.kind
      and one.start_time = to_timestamp(incoming.start)
      and one.source_no = source.source_no
    limit 1
  ) as stored
  where employee.employee_id = $1
    and incoming.place = any ($8::bigint[])
    and (stored.version > incoming.version or stored.recording_method < 0)
`;

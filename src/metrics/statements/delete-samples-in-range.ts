import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import type { NumberArray } from "./put-samples.ts";
import { markDays } from "./sample-day.ts";

/**
 * Makes tombstones of the first samples of a kind and a source that start in a range of time, and marks their days as
 * stale. Returns how many there were, fewer than the limit when none is left, and where the last of them starts: from
 * there on there may be more.
 *
 * A range of `samples_pkey`. The samples are locked in the order in which batches write.
 */
export const deleteSamplesInRange = statement<
  [employeeId: string, kind: number, from: string, to: string, source: string, limit: number, wakingKinds: NumberArray],
  { deleted: number; last_epoch: EpochSeconds | null }
>`
  with doomed as (
    select one.employee_no, one.kind, one.start_time, one.source_no, source.daily
    from samples as one
    join sample_sources as source on source.source_no = one.source_no
    where one.employee_no = ${employeeNoOf}
      and one.kind = $2::smallint
      and one.start_time >= $3::timestamptz
      and one.start_time < $4::timestamptz
      and one.recording_method >= 0
      and source.slug = $5
    order by one.start_time, source.daily
    limit $6
    for update of one
  ),
  deleted as (
    update samples as stored
    set recording_method = -1, value = 0, record_time = now()
    from doomed
    where stored.employee_no = doomed.employee_no
      and stored.kind = doomed.kind
      and stored.start_time = doomed.start_time
      and stored.source_no = doomed.source_no
    returning
      stored.employee_no, stored.kind, stored.start_time, stored.source_no, stored.end_seconds,
      stored.utc_offset_minutes, doomed.daily
  ),
  touched as (
    select
      deleted.employee_no, deleted.kind, deleted.start_time, deleted.source_no, deleted.end_seconds,
      deleted.utc_offset_minutes, false as moved, deleted.kind = any ($7::smallint[]) and not deleted.daily as by_end
    from deleted
  ),
  marked as (${markDays}
  )
  select count(*)::integer as deleted, date_part('epoch'::text, max(deleted.start_time)) as last_epoch
  from deleted
`;

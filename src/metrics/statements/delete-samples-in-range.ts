import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";
import { employeeNoOf } from "../../employees/statements/employee-no-of.ts";
import { markDays } from "./sample-day.ts";

/** Samples that a step deletes at most: a transaction of a moment, for whose locks nobody waits long. */
export const samplesOfStep = 5_000;

/**
 * Makes tombstones of the first 5,000 samples of a kind and a source that start in a range of time, and marks their days
 * as stale. Returns how many there were, fewer when none is left, and where the last of them starts: from there on there
 * may be more.
 *
 * A range of `samples_pkey`, read no further than the last of them, twice: first the samples are locked, in the order in
 * which batches write, and then those up to the last of these are changed. 50,594 buffers for 5,000 samples, ten for each:
 * to read it, to lock it, and its new version. With a join of the two, or with the limit as a parameter, PostgreSQL reads
 * the whole table instead.
 */
export const deleteSamplesInRange = statement<
  [
    employeeId: string,
    kind: number,
    from: string,
    to: string,
    slug: string,
    daily: boolean,
    /** Whether the civil day of the kind's samples is the one on which they end, unless they are daily. */
    isByWakingDay: boolean,
  ],
  { deleted: number; last_epoch: EpochSeconds | null }
>`
  with source as (
    select one.source_no from sample_sources as one where one.slug = $5 and one.daily = $6::boolean
  ),
  doomed as (
    select one.employee_no, one.start_time
    from samples as one
    where one.employee_no = ${employeeNoOf}
      and one.kind = $2::smallint
      and one.start_time >= $3::timestamptz
      and one.start_time < $4::timestamptz
      and one.source_no = (select source.source_no from source)
      and one.recording_method >= 0
    order by one.start_time
    limit 5000
    for update
  ),
  bound as (
    select max(doomed.employee_no) as employee_no, max(doomed.start_time) as last_start from doomed
  ),
  deleted as (
    update samples as stored
    set recording_method = -1, value = 0, record_time = now()
    where stored.employee_no = (select bound.employee_no from bound)
      and stored.kind = $2::smallint
      and stored.start_time >= $3::timestamptz
      and stored.start_time <= (select bound.last_start from bound)
      and stored.source_no = (select source.source_no from source)
      and stored.recording_method >= 0
    returning
      stored.employee_no, stored.kind, stored.start_time, stored.source_no, stored.end_seconds,
      stored.utc_offset_minutes
  ),
  touched as (
    select
      deleted.employee_no, deleted.kind, deleted.start_time, deleted.source_no, deleted.end_seconds,
      deleted.utc_offset_minutes, false as moved, $7::boolean and not $6::boolean as by_end
    from deleted
  ),
  marked as (${markDays}
  )
  select count(*)::integer as deleted, date_part('epoch'::text, max(deleted.start_time)) as last_epoch
  from deleted
`;

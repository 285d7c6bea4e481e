import { statement } from "../../database/statement.ts";

/** What a step of a purge did, or would do. */
export interface PurgeStep {
  /** After which employee the next step goes on; null when there are none left. */
  readonly next_employee: number | null;
  /** Numbers as the text of a bigint. */
  readonly sample_count: string | null;
  readonly log_entry_count: string | null;
  /** What starts earlier is expired, in microseconds since 1970; null when there is no such tenant. */
  readonly sample_start_micros: string | null;
  readonly log_start_micros: string | null;
}

/**
 * One step of a purge; sql/control/0011_purge_by_stream.sql says what it is. A range of `samples_pkey` for each kind and
 * source, and one of `log_entries_pkey` with all of an employee's entries in it: 16,085 buffers for 1,000 samples that are
 * removed. To find nothing at 100 employees takes 1,803 buffers when they have nothing, and 5,405 buffers when 90 of them
 * have 1,000 entries each.
 */
export const purgeExpiredStep = statement<
  [tenantId: string, afterEmployee: number, maxRows: number, dryRun: boolean],
  PurgeStep
>`
  select
    step.next_employee,
    step.sample_count::text as sample_count,
    step.log_entry_count::text as log_entry_count,
    (extract(epoch from step.sample_start) * 1000000)::bigint::text as sample_start_micros,
    (extract(epoch from step.log_start) * 1000000)::bigint::text as log_start_micros
  from control.purge_expired($1, $2, $3, $4) as step
`;

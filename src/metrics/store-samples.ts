import { checkMayBeWritten } from "../employees/find-employee.ts";
import { errors } from "../errors.ts";
import type { TenantSession } from "../tenancy/session.ts";
import type { DedupedSamples } from "./dedupe-samples.ts";
import { toSampleArrays } from "./sample-arrays.ts";
import type { StorableSample } from "./sample-rules.ts";
import { numberSources } from "./sample-sources.ts";
import { findStaleSamples } from "./statements/find-stale-samples.ts";
import { type PutCounts, putSamples, type SampleKeys } from "./statements/put-samples.ts";

/** What became of the samples of a batch. */
export interface StoredCounts {
  readonly inserted: number;
  readonly replaced: number;
  /** Samples, with their copies, for which a higher version is stored. */
  readonly stale: number;
}

/**
 * Stores a batch, by one statement when the vault knows its sources and has none of its versions yet.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee, EMPLOYEE_OFFBOARDED when the
 *   employee has left, LIMIT_REACHED when the tenant would have too many sources, COMMIT_UNKNOWN when it was stored and how many
 *   of its samples were stale cannot be found out
 */
export async function storeSamples(
  session: TenantSession,
  employeeId: string,
  { samples, copies }: DedupedSamples,
): Promise<StoredCounts> {
  const values = toSampleArrays(employeeId, samples);
  let [counts] = await session.write(putSamples, values, employeeId.toLowerCase(), samples.length);
  if (counts && !counts.known) {
    [counts] = await session.transaction(async (transaction) => {
      await numberSources(transaction, samples);
      return await transaction.finish(putSamples, values);
    });
  }
  if (!counts) {
    await checkMayBeWritten(session, employeeId);
    // Whoever came back between the two statements has the batch stored by the next attempt.
    throw errors.conflict();
  }
  const stale = await countStale(session, employeeId, counts, samples, copies).catch((error: unknown) => {
    // By now the others are stored: no error may say that nothing was done.
    throw counts.inserted + counts.replaced > 0 ? errors.commitUnknown(error) : error;
  });
  return { ...counts, stale };
}

/**
 * Counts what is stale among the samples that were not stored. In a statement of its own, which sees every row
 * that they met, also one that another transaction committed while the batch was being stored. Only these are
 * looked at: what was stored may be replaced by now, and is not stale for that.
 */
async function countStale(
  session: TenantSession,
  employeeId: string,
  { unwritten }: PutCounts,
  samples: readonly StorableSample[],
  copies: readonly number[],
): Promise<number> {
  if (!unwritten) return 0;
  const left = unwritten.map((place) => samples[place - 1]).filter((sample) => sample !== undefined);
  const keys = toSampleArrays(employeeId, left).slice(0, 7) as SampleKeys;
  const stale = await session.query(findStaleSamples, keys);
  return stale.reduce((sum, { place }) => sum + (copies[(unwritten[place - 1] ?? 0) - 1] ?? 0), 0);
}

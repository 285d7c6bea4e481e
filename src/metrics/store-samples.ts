import { checkMayBeWritten } from "../employees/find-employee.ts";
import { errors } from "../errors.ts";
import type { TenantSession } from "../tenancy/session.ts";
import type { DedupedSamples } from "./dedupe-samples.ts";
import { toSampleArrays } from "./sample-arrays.ts";
import { numberSources } from "./sample-sources.ts";
import { findStaleSamples } from "./statements/find-stale-samples.ts";
import { type PutCounts, putSamples, type SampleArrays, type SampleKeys } from "./statements/put-samples.ts";

/** What became of the samples of a batch. */
export interface StoredCounts {
  readonly inserted: number;
  readonly replaced: number;
  /** Samples, with their copies, for which a higher version is stored, or the deletion of theirs. */
  readonly stale: number;
}

/**
 * Stores a batch, by one statement when the vault knows its sources and nobody else writes the same samples at the same time.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee, EMPLOYEE_OFFBOARDED when the
 *   employee has left, LIMIT_REACHED when the tenant would have too many sources, COMMIT_UNKNOWN when it was stored and how many
 *   of its samples were stale cannot be found out
 */
export function storeSamples(
  session: TenantSession,
  employeeId: string,
  { samples, copies }: Pick<DedupedSamples, "samples" | "copies">,
): Promise<StoredCounts> {
  // What waits are the arrays. A batch is thousands of objects, and those of all batches that wait for the database
  // would live through many a collection of garbage.
  return storeArrays(session, toSampleArrays(employeeId, samples), copies);
}

async function storeArrays(
  session: TenantSession,
  values: SampleArrays,
  copies: readonly number[],
): Promise<StoredCounts> {
  const [employeeId, slugs, daily] = values;
  let [counts] = await session.write(putSamples, values, employeeId.toLowerCase(), copies.length);
  if (counts && !counts.known) {
    [counts] = await session.transaction(async (transaction) => {
      await numberSources(transaction, slugs, daily);
      return await transaction.finish(putSamples, values);
    });
  }
  if (!counts) {
    await checkMayBeWritten(session, employeeId);
    // Whoever came back between the two statements has the batch stored by the next attempt.
    throw errors.conflict();
  }
  const later = await findStale(session, values, counts).catch((error: unknown) => {
    // By now the others are stored: no error may say that nothing was done.
    throw counts.inserted + counts.replaced > 0 ? errors.commitUnknown(error) : error;
  });
  const { inserted, replaced } = counts;
  const stale = [...(counts.stale ?? []), ...later].reduce((sum, place) => sum + (copies[place - 1] ?? 0), 0);
  return { inserted, replaced, stale };
}

/**
 * Finds the stale ones among the samples that another transaction wrote while the batch was being stored. In a statement of
 * its own, which sees what they met. Only these are looked at: what was stored may be replaced by now, and is not stale for that.
 */
async function findStale(
  session: TenantSession,
  [employeeId, slugs, daily, kinds, starts, sources, versions]: SampleArrays,
  { unseen }: PutCounts,
): Promise<number[]> {
  if (!unseen) return [];
  const keys: SampleKeys = [employeeId, slugs, daily, kinds, starts, sources, versions];
  const stale = await session.query(findStaleSamples, [...keys, unseen]);
  return stale.map(({ place }) => place);
}

import type { TenantSession } from "../tenancy/session.ts";
import { dedupeSamples } from "./dedupe-samples.ts";
import type { StorableSample } from "./sample-rules.ts";
import { type StoredCounts, storeSamples } from "./store-samples.ts";

/** What the samples of a batch did; the four add up to its size. */
export interface BatchCounts {
  readonly insertedCount: number;
  readonly replacedCount: number;
  readonly unchangedCount: number;
  readonly staleCount: number;
}

/**
 * Stores a batch of one employee's samples, all or none, and counts what each did. It keeps nothing of the samples while
 * it waits for the database.
 *
 * @throws WellvaultError as {@link storeSamples} does
 */
export function putBatch(
  session: TenantSession,
  employeeId: string,
  samples: readonly StorableSample[],
): Promise<BatchCounts> {
  const { stale, ...batch } = dedupeSamples(samples);
  return storeSamples(session, employeeId, batch).then(countsOf.bind(undefined, samples.length, stale));
}

function countsOf(total: number, staleInBatch: number, { inserted, replaced, stale }: StoredCounts): BatchCounts {
  const staleCount = staleInBatch + stale;
  return {
    insertedCount: inserted,
    replacedCount: replaced,
    unchangedCount: total - inserted - replaced - staleCount,
    staleCount,
  };
}

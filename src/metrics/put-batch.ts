import type { TenantSession } from "../tenancy/session.ts";
import { dedupeSamples } from "./dedupe-samples.ts";
import type { StorableSample } from "./sample-rules.ts";
import { storeSamples } from "./store-samples.ts";

/** What the samples of a batch did; the four add up to its size. */
export interface BatchCounts {
  readonly insertedCount: number;
  readonly replacedCount: number;
  readonly unchangedCount: number;
  readonly staleCount: number;
}

/**
 * Stores a batch of one employee's samples, all or none, and counts what each did.
 *
 * @throws WellvaultError as {@link storeSamples} does
 */
export async function putBatch(
  session: TenantSession,
  employeeId: string,
  samples: readonly StorableSample[],
): Promise<BatchCounts> {
  const batch = dedupeSamples(samples);
  const { inserted, replaced, ...stored } = await storeSamples(session, employeeId, batch);
  const stale = batch.stale + stored.stale;
  return {
    insertedCount: inserted,
    replacedCount: replaced,
    unchangedCount: samples.length - inserted - replaced - stale,
    staleCount: stale,
  };
}

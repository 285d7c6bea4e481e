import { errors } from "../errors.ts";
import type { PinnedTransaction } from "../tenancy/session.ts";
import { findSources } from "./statements/find-sources.ts";
import { insertSources } from "./statements/insert-sources.ts";
import { lockSourceCounter } from "./statements/lock-source-counter.ts";
import { setSourceCounter } from "./statements/set-source-counter.ts";

/** Sources that a tenant may have, counting a slug's daily and intraday values apart. */
export const maxSources = 1_000;

/**
 * Numbers those of a batch's sources that the vault has not seen yet.
 *
 * @throws WellvaultError LIMIT_REACHED when the tenant would have more than {@link maxSources}
 */
export async function numberSources(
  transaction: PinnedTransaction,
  slugs: readonly string[],
  daily: readonly boolean[],
): Promise<void> {
  // Under the lock nobody else numbers sources; what another call numbered meanwhile is found after it.
  const [counter] = await transaction.query(lockSourceCounter, []);
  const known = await transaction.query(findSources, [slugs, daily]);
  const fresh = slugs
    .map((slug, index) => ({ slug, daily: daily[index] ?? false }))
    .filter((key) => !known.some((row) => row.slug === key.slug && row.daily === key.daily));
  if (fresh.length === 0) return;
  const last = counter?.last_value ?? 0;
  if (last + fresh.length > maxSources) throw errors.limitReached("sample_sources", maxSources);
  await transaction.query(insertSources, [fresh.map((key) => key.slug), fresh.map((key) => key.daily), last]);
  await transaction.query(setSourceCounter, [last + fresh.length]);
}

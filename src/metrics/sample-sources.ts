import { errors } from "../errors.ts";
import type { PinnedTransaction } from "../tenancy/sessions.ts";
import {
  findSources,
  insertSources,
  lockSourceCounter,
  type SourceRow,
  setSourceCounter,
} from "./statements/sample-sources.ts";

/** Sources that a tenant may have, counting a slug's daily and intraday values apart. */
export const maxSources = 1_000;

/** A slug, and whether it is the stream of its daily values. */
export interface SourceKey {
  readonly source: string;
  readonly daily: boolean;
}

/** The text under which {@link requireSourceNumbers} returns a source's number. */
export function sourceKey({ source, daily }: SourceKey): string {
  return `${source} ${daily}`;
}

/**
 * Returns the number of each source in the vault, numbering those seen for the first time.
 *
 * @throws WellvaultError LIMIT_REACHED when the tenant would have more than {@link maxSources}
 */
export async function requireSourceNumbers(
  transaction: PinnedTransaction,
  keys: readonly SourceKey[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = [...new Map(keys.map((key) => [sourceKey(key), key])).values()];
  const numbers = new Map<string, number>();
  const missing = () => wanted.filter((key) => !numbers.has(sourceKey(key)));
  const add = (rows: readonly SourceRow[]) => {
    for (const row of rows) numbers.set(sourceKey({ source: row.slug, daily: row.daily }), row.source_no);
  };
  const find = async (some: readonly SourceKey[]) => add(await transaction.query(findSources, columns(some)));

  await find(wanted);
  if (missing().length === 0) return numbers;

  // Under the lock nobody else numbers sources; what another call numbered meanwhile is found now.
  const [counter] = await transaction.query(lockSourceCounter, []);
  await find(missing());
  const fresh = missing();
  if (fresh.length === 0) return numbers;
  const last = counter?.last_value ?? 0;
  if (last + fresh.length > maxSources) throw errors.limitReached("sample_sources", maxSources);
  add(await transaction.query(insertSources, [...columns(fresh), last]));
  await transaction.query(setSourceCounter, [last + fresh.length]);
  return numbers;
}

function columns(keys: readonly SourceKey[]): [string[], boolean[]] {
  return [keys.map((key) => key.source), keys.map((key) => key.daily)];
}

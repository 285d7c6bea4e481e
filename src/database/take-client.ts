import type pg from "pg";
import type { PinnedClient } from "./pinned-client.ts";

/** A client that a pool lent; `release` gives it back. */
export type LentClient = PinnedClient & pg.PoolClient;

/** What `pg-pool` keeps of a client that nobody uses. */
interface IdleItem {
  readonly client: LentClient;
  readonly idleListener: (error: Error) => void;
  readonly timeoutId: NodeJS.Timeout | undefined;
}

/** The parts of `pg-pool` 3.14 that its types leave out. */
interface PoolParts {
  readonly ending: boolean;
  readonly _idle: IdleItem[];
  readonly _pendingQueue: readonly unknown[];
  _acquireClient(
    client: LentClient,
    pending: { timedOut: boolean; callback: (error: unknown, client: LentClient) => void },
    idleListener: IdleItem["idleListener"],
    isNew: boolean,
  ): void;
}

/**
 * Takes a client for a vault out of a pool: of those that are idle one that has been pinned to the vault, whose
 * backend has the vault's tables in its caches, else one that has been pinned to the fewest. A backend that meets
 * a vault for the first time reads its catalogue, which takes longer than most statements.
 *
 * The pool itself would give its youngest idle client, after a turn of the event loop; where none is idle it
 * decides.
 */
export async function takeClient(pool: pg.Pool, vault: string): Promise<LentClient> {
  const parts = pool as unknown as PoolParts;
  if (parts.ending || parts._pendingQueue.length > 0 || parts._idle.length === 0) {
    return (await pool.connect()) as unknown as LentClient;
  }
  const place = choose(parts._idle, vault);
  const [item] = parts._idle.splice(place, 1);
  if (!item) return (await pool.connect()) as unknown as LentClient;
  clearTimeout(item.timeoutId);
  let taken: LentClient | undefined;
  const callback = (_: unknown, client: LentClient) => {
    taken = client;
  };
  parts._acquireClient(item.client, { timedOut: false, callback }, item.idleListener, false);
  return taken ?? item.client;
}

function choose(items: readonly IdleItem[], vault: string): number {
  let best = 0;
  let fewest = Number.POSITIVE_INFINITY;
  // The last ones were used last: their backends are the warmest.
  for (let n = items.length - 1; n >= 0; n--) {
    const vaults = items[n]?.client.vaults;
    if (!vaults) continue;
    if (vaults.has(vault)) return n;
    if (vaults.size < fewest) {
      fewest = vaults.size;
      best = n;
    }
  }
  return best;
}

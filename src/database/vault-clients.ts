import type pg from "pg";
import type { PinnedClient } from "./pinned-client.ts";

/** A client that a pool lent; `release` gives it back. */
export type LentClient = PinnedClient & pg.PoolClient;

/**
 * The clients of a pool, and which of them is whose home. A vault comes back to its home whenever that is free,
 * because the backend there has the vault's tables in its caches. A backend that meets a vault for the first time
 * reads its catalogue, which takes longer than most statements; and one that serves every vault finds little of
 * what it needs in the processor's caches.
 */
export interface VaultClients {
  /** Takes a client for a vault: its home when that is free, else another free one, else what the pool gives. */
  take(vault: string): Promise<LentClient>;
  /** Whether the vault's home is free. A vault that has none yet may settle anywhere. */
  isNear(vault: string): boolean;
}

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

/** Where a vault is at home, and how often in a row it was served elsewhere since. */
interface Home {
  readonly client: LentClient;
  away: number;
}

/** Visits elsewhere in a row after which a vault moves: its home is held by something slow. */
const visitsBeforeMoving = 8;

/**
 * Makes the {@link VaultClients} of a pool. How many homes are remembered is bounded by the vaults that a client
 * may be pinned to before it is replaced.
 */
export function createVaultClients(pool: pg.Pool): VaultClients {
  const parts = pool as unknown as PoolParts;
  const homes = new Map<string, Home>();
  /** The vaults that are at home with a client. */
  const residents = new Map<unknown, Set<string>>();
  pool.on("remove", (client) => {
    for (const vault of residents.get(client) ?? []) homes.delete(vault);
    residents.delete(client);
  });

  /** Notes who serves a vault. */
  function settle(vault: string, client: LentClient): LentClient {
    const home = homes.get(vault);
    if (home?.client === client) {
      home.away = 0;
    } else if (!home || ++home.away >= visitsBeforeMoving) {
      if (home) residents.get(home.client)?.delete(vault);
      homes.set(vault, { client, away: 0 });
      const known = residents.get(client) ?? new Set();
      residents.set(client, known.add(vault));
    }
    return client;
  }

  /** Returns the place of the best idle client. */
  function choose(vault: string): number {
    const home = homes.get(vault)?.client;
    let best = 0;
    let fewest = Number.POSITIVE_INFINITY;
    // The last ones were used last: their backends are the warmest.
    for (let n = parts._idle.length - 1; n >= 0; n--) {
      const client = parts._idle[n]?.client;
      if (!client) continue;
      if (client === home) return n;
      // Who has a home knows it from there; for a visit, a client that has met the vault before is as good.
      const others = home && client.vaults.has(vault) ? -1 : (residents.get(client)?.size ?? 0);
      if (others < fewest) {
        fewest = others;
        best = n;
      }
    }
    return best;
  }

  return {
    async take(vault) {
      // The pool itself would give its youngest idle client, after a turn of the event loop; where none is idle it
      // decides.
      if (parts.ending || parts._pendingQueue.length > 0 || parts._idle.length === 0) {
        return settle(vault, (await pool.connect()) as unknown as LentClient);
      }
      const [item] = parts._idle.splice(choose(vault), 1);
      if (!item) return settle(vault, (await pool.connect()) as unknown as LentClient);
      clearTimeout(item.timeoutId);
      parts._acquireClient(item.client, { timedOut: false, callback: () => undefined }, item.idleListener, false);
      return settle(vault, item.client);
    },
    isNear(vault) {
      const home = homes.get(vault)?.client;
      return home === undefined || parts._idle.some(({ client }) => client === home);
    },
  };
}

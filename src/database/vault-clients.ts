import type pg from "pg";
import type { PinnedClient } from "./pinned-client.ts";

/** A client that a pool lent; `release` gives it back. */
export type LentClient = PinnedClient & pg.PoolClient;

/**
 * How well the free clients suit a vault: `home`, its home is among them, or nowhere would be better; `known`, one of them
 * keeps the vault's statements; `strange`, neither.
 */
export type Nearness = "home" | "known" | "strange";

/**
 * The clients of a pool, and which of them is whose home. A vault comes back to its home whenever that is free,
 * because the backend there has the vault's tables in its caches. A backend that meets a vault for the first time
 * reads its catalogue, which takes longer than most statements; and one that serves every vault finds little of
 * what it needs in the processor's caches.
 */
export interface VaultClients {
  /** Takes a client for a vault: its home when that is free, else another free one, else what the pool gives. */
  take(vault: string): Promise<LentClient>;
  /**
   * How well what is free suits the vault. One that has no home yet may settle anywhere, and one whose home has been taken
   * for {@link slowMs} is not to wait for it. While nothing is free, as when the next client is still being cleaned, nobody
   * knows what will suit whom.
   */
  nearnessOf(vault: string): Nearness;
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

/** For how long a client is taken, in milliseconds, before what it does counts as slow. */
const slowMs = 100;

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
  /** When clients were taken last, by the clock of `performance.now()`. */
  const takenAt = new WeakMap<object, number>();
  pool.on("acquire", (client) => void takenAt.set(client, performance.now()));
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

  /** How well a client knows a vault, below zero and the less the better; undefined: not at all. */
  function acquaintance(vault: string, client: LentClient): number | undefined {
    if (client.keepsStatementsOf(vault)) return -2;
    return client.vaults.has(vault) ? -1 : undefined;
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
      // Who has a home knows it from there; for a visit, the best client is one that knows the vault from another visit.
      const others = (home && acquaintance(vault, client)) ?? residents.get(client)?.size ?? 0;
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
    nearnessOf(vault) {
      const home = homes.get(vault)?.client;
      if (home === undefined || parts._idle.length === 0) return "home";
      let keeps = false;
      for (const { client } of parts._idle) {
        if (client === home) return "home";
        keeps ||= client.keepsStatementsOf(vault);
      }
      if (performance.now() - (takenAt.get(home) ?? 0) >= slowMs) return "home";
      return keeps ? "known" : "strange";
    },
  };
}

import { isDeepStrictEqual } from "node:util";
import type { LRUCache } from "lru-cache";
import type { ControlStore } from "./control-store.ts";
import type { TenantEntry } from "./tenant.ts";
import { maxTenants, readTenants } from "./tenant-loader.ts";

/** What is known of a tenant. */
export interface KnownTenant {
  /** The tenant, or undefined when there is none. */
  entry: TenantEntry | undefined;
  /** When the database was asked, by the directory's clock in milliseconds: what it says may be as old as that. */
  askedAt: number;
  /** When a call looked it up last. */
  usedAt: number;
}

/** Which tenants to renew. */
export interface RenewalOptions {
  /** The directory's clock in milliseconds. */
  readonly now: () => number;
  /** What was asked for since then is new enough. */
  readonly olderThanMs: number;
  /** Who has not called since then is left to be forgotten. */
  readonly usedWithinMs: number;
  /** What a query may take, in milliseconds, before it is given up: the database may be gone without a word. */
  readonly queryMs: number;
  /** Ends the renewal when it fires. */
  readonly signal: AbortSignal;
}

/**
 * Asks again for the tenants that call and of whom what is known gets old, many with a query and one query at a time. What
 * fails is left out: a caller hears of it from a look-up of its own, when what is known is too old.
 *
 * @returns whether any tenant is in use
 */
export async function renewTenants(
  store: ControlStore,
  cache: LRUCache<string, KnownTenant>,
  { now, olderThanMs, usedWithinMs, queryMs, signal }: RenewalOptions,
): Promise<boolean> {
  const startedAt = now();
  const old: [tenantId: string, known: KnownTenant][] = [];
  let inUse = false;
  for (const [tenantId, known] of cache.entries()) {
    // The one that was used last comes first, and the others in that order.
    if (startedAt - known.usedAt > usedWithinMs) break;
    inUse = true;
    // That there is no such tenant is believed for a moment only.
    if (known.entry && startedAt - known.askedAt > olderThanMs) old.push([tenantId, known]);
  }
  for (let n = 0; n < old.length; n += maxTenants) {
    const some = old.slice(n, n + maxTenants);
    const askedAt = now();
    const tenantIds = some.map(([tenantId]) => tenantId);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(queryMs)]);
    const found = await Promise.race([readTenants(store, tenantIds, limit), rejectsWhen(limit)]).catch(() => undefined);
    if (!found) break;
    for (const [tenantId, known] of some) {
      known.askedAt = askedAt;
      const entry = found.get(tenantId);
      // Hardly anything ever changes, and thousands of old objects would be garbage every few seconds.
      if (!isDeepStrictEqual(entry, known.entry)) known.entry = entry;
    }
  }
  return inUse;
}

/** Rejects when the signal fires: what the database does not answer is not waited for. */
function rejectsWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

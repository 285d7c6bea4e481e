import { LRUCache } from "lru-cache";
import { canaryTenantId } from "./canary-id.ts";
import type { ControlStore } from "./control-store.ts";
import { type KnownTenant, renewTenants } from "./renew-tenants.ts";
import type { TenantEntry } from "./tenant.ts";
import { createTenantLoader } from "./tenant-loader.ts";

/** Finds the vault of a tenant. */
export interface TenantDirectory {
  /**
   * Returns the tenant, or undefined when there is none. Reads through to the database on a miss, so
   * a tenant is found as soon as its provisioning is committed, in any process, at the latest one
   * second after somebody asked for it too early. What is remembered is returned without a promise.
   */
  lookup(tenantId: string): Promise<TenantEntry | undefined> | TenantEntry | undefined;
  /** Forgets what is known of a tenant: the next look-up asks the database. */
  forget(tenantId: string): void;
}

/** A {@link TenantDirectory} that keeps itself up to date. */
export interface RenewedTenantDirectory extends TenantDirectory {
  /** Asks no more on its own account, and gives up a question that is under way, so that the store can be closed. */
  close(): void;
}

/** How long a tenant that exists is believed, in milliseconds from the question on. A change of state bites after it. */
export const positiveTtlMs = 5_000;
/** How long a tenant that does not exist is believed not to, in milliseconds. */
export const negativeTtlMs = 1_000;
/**
 * For how long after its last call a tenant is asked for again before its time is over, in milliseconds. Whoever calls more
 * often than that does not wait for the control plane as long as that answers.
 */
export const renewedForMs = 60_000;
/** Pause between two rounds in which tenants are asked for again, in milliseconds. */
export const renewalPauseMs = 1_000;
/** The form of a tenant id, as in Tenant.tenant_id. */
const tenantIdPattern = /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/;
/** Tenants remembered at most; each takes some hundred bytes. */
const maxEntries = 20_000;

/**
 * Makes a directory over the control plane.
 *
 * @param now clock in milliseconds, for tests
 */
export function createTenantDirectory(store: ControlStore, now = () => performance.now()): RenewedTenantDirectory {
  const cache = new LRUCache<string, KnownTenant>({ max: maxEntries });
  // Calls that miss at the same time share one look-up of their tenant.
  const running = new Map<string, { readonly askedAt: number; readonly answer: Promise<KnownTenant> }>();
  const load = createTenantLoader(store);
  const closed = new AbortController();
  let nextRound: NodeJS.Timeout | undefined;

  async function ask(tenantId: string, askedAt: number): Promise<KnownTenant> {
    const entry = await load(tenantId);
    return { entry, askedAt, usedAt: now() };
  }

  async function readThrough(tenantId: string, at: number): Promise<TenantEntry | undefined> {
    const shared = running.get(tenantId);
    // What hangs may have been read long ago: whoever comes later asks anew.
    if (shared && at - shared.askedAt <= negativeTtlMs) return (await shared.answer).entry;
    const own = { askedAt: at, answer: ask(tenantId, at) };
    running.set(tenantId, own);
    try {
      const known = await own.answer;
      const other = cache.peek(tenantId);
      // It was renewed by a question that was put later.
      if (other && other.askedAt > at) return other.entry;
      // An answer that was forgotten while it was on its way may be out of date: do not keep it.
      if (running.get(tenantId) === own) {
        cache.set(tenantId, known);
        planRound();
      }
      return known.entry;
    } finally {
      if (running.get(tenantId) === own) running.delete(tenantId);
    }
  }

  /** Plans the next round, unless one is planned or runs. */
  function planRound(): void {
    if (nextRound || closed.signal.aborted) return;
    nextRound = setTimeout(async () => {
      const inUse = await renewTenants(store, cache, {
        now,
        olderThanMs: positiveTtlMs / 2,
        usedWithinMs: renewedForMs,
        queryMs: positiveTtlMs,
        signal: closed.signal,
      });
      nextRound = undefined;
      if (inUse) planRound();
    }, renewalPauseMs).unref();
  }

  return {
    lookup(tenantId) {
      // What cannot be an id is neither looked for nor remembered.
      if (!tenantIdPattern.test(tenantId)) return undefined;
      // No caller may act for the canary, so for callers it is not there.
      if (tenantId === canaryTenantId) return undefined;
      const known = cache.get(tenantId);
      const at = now();
      if (!known) return readThrough(tenantId, at);
      // Always, for `get` has put it first: the cache is in the order of these times.
      known.usedAt = at;
      if (at - known.askedAt > (known.entry ? positiveTtlMs : negativeTtlMs)) return readThrough(tenantId, at);
      planRound();
      return known.entry;
    },
    forget(tenantId) {
      cache.delete(tenantId);
      running.delete(tenantId);
    },
    close() {
      clearTimeout(nextRound);
      closed.abort();
    },
  };
}

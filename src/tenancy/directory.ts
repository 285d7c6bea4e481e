import { LRUCache } from "lru-cache";
import { canaryTenantId } from "./canary-id.ts";
import type { ControlStore } from "./control-store.ts";
import { findCompany } from "./statements/find-company.ts";
import type { TenantEntry } from "./tenant.ts";

/** Finds the vault of a tenant. */
export interface TenantDirectory {
  /**
   * Returns the tenant, or undefined when there is none. Reads through to the database on a miss, so
   * a tenant is found as soon as its provisioning is committed, in any process, at the latest one
   * second after somebody asked for it too early.
   */
  lookup(tenantId: string): Promise<TenantEntry | undefined>;
  /** Forgets what is known of a tenant: the next look-up asks the database. */
  forget(tenantId: string): void;
}

/** How long a tenant that exists is believed, in milliseconds. A change of state bites after it. */
export const positiveTtlMs = 5_000;
/** How long a tenant that does not exist is believed not to, in milliseconds. */
export const negativeTtlMs = 1_000;
/** The form of a tenant id, as in Tenant.tenant_id. */
const tenantIdPattern = /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/;
/** Tenants remembered at most; each takes some hundred bytes. */
const maxEntries = 20_000;

const absent = Symbol("absent");

/**
 * Makes a directory over the control plane.
 *
 * @param now clock in milliseconds, for tests
 */
export function createTenantDirectory(store: ControlStore, now?: () => number): TenantDirectory {
  const cache = new LRUCache<string, TenantEntry | typeof absent>({
    max: maxEntries,
    ...(now ? { perf: { now }, ttlResolution: 0 } : {}),
  });
  // Calls that miss at the same time share one query.
  const running = new Map<string, Promise<TenantEntry | typeof absent>>();

  async function load(tenantId: string): Promise<TenantEntry | typeof absent> {
    const [row] = await store.query(findCompany, [tenantId]);
    if (!row) return absent;
    return {
      tenantId,
      companyId: row.company_id,
      vault: row.vault,
      login: row.login,
      placement: "default",
      state: row.state === "ACTIVE" ? "ACTIVE" : "SUSPENDED",
    };
  }

  async function readThrough(tenantId: string): Promise<TenantEntry | typeof absent> {
    const shared = running.get(tenantId);
    if (shared) return await shared;
    const loading = load(tenantId);
    running.set(tenantId, loading);
    try {
      const entry = await loading;
      // An answer that was forgotten while it was on its way may be out of date: do not keep it.
      if (running.get(tenantId) === loading) {
        cache.set(tenantId, entry, { ttl: entry === absent ? negativeTtlMs : positiveTtlMs });
      }
      return entry;
    } finally {
      if (running.get(tenantId) === loading) running.delete(tenantId);
    }
  }

  return {
    async lookup(tenantId) {
      // What cannot be an id is neither looked for nor remembered.
      if (!tenantIdPattern.test(tenantId)) return undefined;
      // No caller may act for the canary, so for callers it is not there.
      if (tenantId === canaryTenantId) return undefined;
      const entry = cache.get(tenantId) ?? (await readThrough(tenantId));
      return entry === absent ? undefined : entry;
    },
    forget(tenantId) {
      cache.delete(tenantId);
      running.delete(tenantId);
    },
  };
}

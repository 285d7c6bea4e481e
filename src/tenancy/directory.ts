import { LRUCache } from "lru-cache";
import { canaryTenantId } from "./canary-id.ts";
import type { ControlStore } from "./control-store.ts";
import { type CompanyEntry, findCompanies } from "./statements/find-companies.ts";
import type { TenantEntry } from "./tenant.ts";

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

/** How long a tenant that exists is believed, in milliseconds. A change of state bites after it. */
export const positiveTtlMs = 5_000;
/** How long a tenant that does not exist is believed not to, in milliseconds. */
export const negativeTtlMs = 1_000;
/** The form of a tenant id, as in Tenant.tenant_id. */
const tenantIdPattern = /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/;
/** Tenants remembered at most; each takes some hundred bytes. */
const maxEntries = 20_000;

/** Queries at the same time. Tenants that are asked for meanwhile share the next one. */
const maxQueries = 2;
/** Tenants that one query asks for at most. */
const maxTenants = 1_000;

const absent = Symbol("absent");
type Found = TenantEntry | typeof absent;

/**
 * Makes a directory over the control plane.
 *
 * @param now clock in milliseconds, for tests
 */
export function createTenantDirectory(store: ControlStore, now?: () => number): TenantDirectory {
  const cache = new LRUCache<string, Found>({
    max: maxEntries,
    ...(now ? { perf: { now }, ttlResolution: 0 } : {}),
  });
  // Calls that miss at the same time share one look-up of their tenant.
  const running = new Map<string, Promise<Found>>();
  const load = createLoader(store);

  async function readThrough(tenantId: string): Promise<TenantEntry | undefined> {
    const shared = running.get(tenantId);
    if (shared) return unlessAbsent(await shared);
    const loading = load(tenantId);
    running.set(tenantId, loading);
    try {
      const entry = await loading;
      // An answer that was forgotten while it was on its way may be out of date: do not keep it.
      if (running.get(tenantId) === loading) {
        cache.set(tenantId, entry, { ttl: entry === absent ? negativeTtlMs : positiveTtlMs });
      }
      return unlessAbsent(entry);
    } finally {
      if (running.get(tenantId) === loading) running.delete(tenantId);
    }
  }

  return {
    lookup(tenantId) {
      // What cannot be an id is neither looked for nor remembered.
      if (!tenantIdPattern.test(tenantId)) return undefined;
      // No caller may act for the canary, so for callers it is not there.
      if (tenantId === canaryTenantId) return undefined;
      const entry = cache.get(tenantId);
      return entry ? unlessAbsent(entry) : readThrough(tenantId);
    },
    forget(tenantId) {
      cache.delete(tenantId);
      running.delete(tenantId);
    },
  };
}

/**
 * Makes what reads tenants from the control plane. Nobody waits for company: a tenant is asked for at once, and
 * only those that come while {@link maxQueries} run share a query. So a service that forgets all its tenants at
 * the same time asks for them with a few queries.
 */
function createLoader(store: ControlStore): (tenantId: string) => Promise<Found> {
  let queries = 0;
  let waiting: { readonly tenantId: string; readonly answer: PromiseWithResolvers<Found> }[] = [];

  async function ask(batch: typeof waiting): Promise<void> {
    try {
      const rows = await store.query(findCompanies, [batch.map(({ tenantId }) => tenantId)]);
      const found = new Map(rows.map((row) => [row.tenant_id, entryOf(row)]));
      for (const { tenantId, answer } of batch) answer.resolve(found.get(tenantId) ?? absent);
    } catch (error) {
      for (const { answer } of batch) answer.reject(error);
    } finally {
      queries--;
      askNext();
    }
  }

  function askNext(): void {
    if (queries >= maxQueries || waiting.length === 0) return;
    const batch = waiting.slice(0, maxTenants);
    waiting = waiting.slice(maxTenants);
    queries++;
    void ask(batch);
  }

  return (tenantId) => {
    const answer = Promise.withResolvers<Found>();
    waiting.push({ tenantId, answer });
    askNext();
    return answer.promise;
  };
}

function entryOf(row: CompanyEntry): TenantEntry {
  return {
    tenantId: row.tenant_id,
    companyId: row.company_id,
    vault: row.vault,
    login: row.login,
    placement: "default",
    state: row.state === "ACTIVE" ? "ACTIVE" : "SUSPENDED",
    schemaVersion: row.schema_version,
  };
}

function unlessAbsent(found: Found): TenantEntry | undefined {
  return found === absent ? undefined : found;
}

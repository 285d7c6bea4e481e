import type { ControlStore } from "./control-store.ts";
import { type CompanyEntry, findCompanies } from "./statements/find-companies.ts";
import type { TenantEntry } from "./tenant.ts";

/** Tenants that one query asks for at most. */
export const maxTenants = 1_000;

/** Reads tenants from the control plane with one query; those that do not exist are missing from the result. */
export async function readTenants(
  store: ControlStore,
  tenantIds: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, TenantEntry>> {
  const rows = await store.query(findCompanies, [tenantIds], signal);
  return new Map(rows.map((row) => [row.tenant_id, entryOf(row)]));
}

/** Queries at the same time. Tenants that are asked for meanwhile share the next one. */
const maxQueries = 2;

/**
 * Makes what reads tenants from the control plane. Nobody waits for company: a tenant is asked for at once, and
 * only those that come while {@link maxQueries} run share a query. So a service that forgets all its tenants at
 * the same time asks for them with a few queries.
 *
 * @returns a function that resolves with the tenant, or undefined when there is none
 */
export function createTenantLoader(store: ControlStore): (tenantId: string) => Promise<TenantEntry | undefined> {
  let queries = 0;
  let waiting: {
    readonly tenantId: string;
    readonly answer: PromiseWithResolvers<TenantEntry | undefined>;
  }[] = [];

  async function ask(batch: typeof waiting): Promise<void> {
    try {
      const tenantIds = batch.map(({ tenantId }) => tenantId);
      const found = await readTenants(store, tenantIds);
      for (const { tenantId, answer } of batch) answer.resolve(found.get(tenantId));
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
    const answer = Promise.withResolvers<TenantEntry | undefined>();
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

import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type pg from "pg";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { Person } from "../load/order.ts";
import { seededEntries, tenantIdOf } from "./tenants.ts";

/** Calls at the same time while tenants are made. */
const parallel = 8;

/**
 * Provisions tenants through the API, and returns their ids. Nobody calls for them meanwhile: each new tenant makes
 * every connection of the data plane read its memberships again, which is slow while there are many new ones.
 *
 * @param onDone told after each tenant
 */
export async function provisionTenants(port: number, count: number, onDone: () => void): Promise<string[]> {
  using calls = openTransport(port);
  const tenants = createClient(TenantService, calls.transport);
  const headers = { "x-role": "platform_operator" };
  return await inParallel(count, onDone, async (index) => {
    const tenantId = tenantIdOf(index);
    await tenants.provisionTenant({ tenantId, displayName: tenantId }, { headers });
    return tenantId;
  });
}

/**
 * Gives each tenant an employee who writes and one who reads.
 *
 * @param withEntries for how many tenants, from the front, the reader has entries
 * @param onDone told after each tenant
 */
export async function hirePeople(
  port: number,
  tenantIds: readonly string[],
  withEntries: number,
  onDone: () => void,
): Promise<Person[]> {
  using calls = openTransport(port);
  const employees = createClient(EmployeeService, calls.transport);
  const logs = createClient(EmployeeLogService, calls.transport);
  return await inParallel(tenantIds.length, onDone, async (index) => {
    const tenantId = tenantIds[index] ?? "";
    const hire = async (externalId: string) => await createEmployee(employees, externalId, tenantId);
    const person = { tenantId, writerId: await hire("writer"), readerId: await hire("reader") };
    const headers = { "x-role": "employee", "x-tenant-id": tenantId, "x-employee-id": person.readerId };
    for (const { entryId, startMs, note, valence, labels } of index < withEntries ? seededEntries() : []) {
      const entry = {
        ...{ entryId, note, source: "bench", version: 1n, utcOffsetMinutes: 60 },
        startTime: timestampFromMs(startMs),
        detail: { case: "mood", value: { valence, labels } },
      } as const;
      await logs.putLogEntry({ employeeId: person.readerId, entry }, { headers });
    }
    return person;
  });
}

/** Gives a tenant another employee, and returns the employee's id. */
export async function hireOne(port: number, tenantId: string, externalId: string): Promise<string> {
  using calls = openTransport(port);
  return await createEmployee(createClient(EmployeeService, calls.transport), externalId, tenantId);
}

async function createEmployee(
  employees: Client<typeof EmployeeService>,
  externalId: string,
  tenantId: string,
): Promise<string> {
  const headers = { "x-role": "company_admin", "x-tenant-id": tenantId };
  const request = { employee: { externalId }, requestId: randomUUID() };
  const { employee } = await employees.createEmployee(request, { headers });
  return employee?.employeeId ?? "";
}

function openTransport(port: number): Disposable & { readonly transport: Transport } {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  return { transport, [Symbol.dispose]: () => sessionManager.abort() };
}

/** Does `work` for each number below `count`, some at a time, and returns what came of it in their order. */
async function inParallel<T>(count: number, onDone: () => void, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
      onDone();
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return results;
}

/** The schemas of tenants, in the order given. */
export async function schemasOf(admin: pg.Client, people: readonly Person[]): Promise<string[]> {
  const { rows } = await admin.query<{ tenant_id: string; vault: string }>(
    "select tenant_id, vault::text as vault from control.companies",
  );
  const vaults = new Map(rows.map((row) => [row.tenant_id, row.vault]));
  return people.map(({ tenantId }) => vaults.get(tenantId) ?? "");
}

import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
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
 * Makes tenants through the API, each with an employee who writes and one who reads.
 *
 * @param count tenants to make
 * @param withEntries of how many, from the front, the reader has entries
 * @param onMade told after each tenant
 */
export async function provisionOurs(
  port: number,
  count: number,
  withEntries: number,
  onMade: () => void,
): Promise<Person[]> {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  const tenants = createClient(TenantService, transport);
  const employees = createClient(EmployeeService, transport);
  const logs = createClient(EmployeeLogService, transport);

  const makePerson = async (index: number): Promise<Person> => {
    const tenantId = tenantIdOf(index);
    const operator = { headers: { "x-role": "platform_operator" } };
    await tenants.provisionTenant({ tenantId, displayName: tenantId }, operator);
    const admin = { headers: { "x-role": "company_admin", "x-tenant-id": tenantId } };
    const hire = async (externalId: string): Promise<string> => {
      const { employee } = await employees.createEmployee({ employee: { externalId }, requestId: randomUUID() }, admin);
      return employee?.employeeId ?? "";
    };
    const person = { tenantId, writerId: await hire("writer"), readerId: await hire("reader") };
    if (index < withEntries) {
      const headers = { "x-role": "employee", "x-tenant-id": tenantId, "x-employee-id": person.readerId };
      for (const entry of seededEntries()) {
        const { entryId, startMs, note, valence, labels } = entry;
        await logs.putLogEntry(
          {
            employeeId: person.readerId,
            entry: {
              ...{ entryId, note, source: "bench", version: 1n, utcOffsetMinutes: 60 },
              startTime: timestampFromMs(startMs),
              detail: { case: "mood", value: { valence, labels } },
            },
          },
          { headers },
        );
      }
    }
    onMade();
    return person;
  };

  try {
    const people: Person[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: parallel }, async () => {
        while (next < count) {
          const index = next++;
          people[index] = await makePerson(index);
        }
      }),
    );
    return people;
  } finally {
    sessionManager.abort();
  }
}

/** The schemas of tenants, in the order given. */
export async function schemasOf(admin: pg.Client, people: readonly Person[]): Promise<string[]> {
  const { rows } = await admin.query<{ tenant_id: string; vault: string }>(
    "select tenant_id, vault::text as vault from control.companies",
  );
  const vaults = new Map(rows.map((row) => [row.tenant_id, row.vault]));
  return people.map(({ tenantId }) => vaults.get(tenantId) ?? "");
}

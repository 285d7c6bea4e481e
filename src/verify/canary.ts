import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { employeeHandlers } from "../employees/employee-handlers.ts";
import { PutLogEntryRequestSchema } from "../gen/wellvault/v1/employee_log_service_pb.ts";
import { CreateEmployeeRequestSchema } from "../gen/wellvault/v1/employee_service_pb.ts";
import { PutSamplesRequestSchema } from "../gen/wellvault/v1/metric_service_pb.ts";
import { logHandlers } from "../logs/log-handlers.ts";
import { metricHandlers } from "../metrics/metric-handlers.ts";
import { canaryTenantId } from "../tenancy/canary-id.ts";
import type { ControlStore } from "../tenancy/control-store.ts";
import type { TenantSessions } from "../tenancy/sessions.ts";
import { findCompanies } from "../tenancy/statements/find-companies.ts";
import { insertCompany } from "../tenancy/statements/insert-company.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";

/** What the canary's rows are recognised by. No other tenant can know it: it is made from the company's id. */
export interface CanaryMarks {
  readonly externalId: string;
  readonly requestId: string;
  readonly entryId: string;
  readonly note: string;
  readonly source: string;
}

/** Returns the marks of a canary. */
export function canaryMarks(companyId: string): CanaryMarks {
  const digest = createHash("sha256").update(`wellvault canary ${companyId}`).digest("hex");
  const mark = `canary-${digest.slice(0, 24)}`;
  const uuid = `${digest.slice(24, 32)}-${digest.slice(32, 36)}-4${digest.slice(37, 40)}-8${digest.slice(41, 44)}-${digest.slice(44, 56)}`;
  return { externalId: mark, requestId: uuid, entryId: mark, note: `The note of ${mark}.`, source: mark };
}

/** How long the canary's rows may take to be written, in milliseconds. */
const timeoutMs = 10_000;

/**
 * Makes the canary where it is missing: provisions it like any company and writes a row into each of its
 * tables, through a session like any call. Doing it again changes nothing.
 *
 * @returns whether it was provisioned now
 */
export async function ensureCanary(store: ControlStore, sessions: TenantSessions): Promise<boolean> {
  const inserted = await store.query(insertCompany, [canaryTenantId, "Canary of wellvault verify", "", ""]);
  const [company] = await store.query(findCompanies, [[canaryTenantId]]);
  if (!company) throw new Error("the canary was not provisioned");
  const tenant: TenantEntry = {
    tenantId: canaryTenantId,
    companyId: company.company_id,
    vault: company.vault,
    login: company.login,
    placement: "default",
    state: "ACTIVE",
    schemaVersion: company.schema_version,
  };
  const marks = canaryMarks(tenant.companyId);
  const session = sessions.open({ tenant, signal: AbortSignal.timeout(timeoutMs), timeoutMs });
  const { externalId, requestId } = marks;
  const created = await employeeHandlers.createEmployee(
    create(CreateEmployeeRequestSchema, { employee: { externalId, displayName: externalId }, requestId }),
    session,
  );
  const employeeId = created.employee?.employeeId ?? "";
  const startTime = timestampFromDate(new Date(Date.UTC(2024, 0, 1)));
  const common = { startTime, utcOffsetMinutes: 0, source: marks.source, version: 1n };
  await logHandlers.putLogEntry(
    create(PutLogEntryRequestSchema, {
      employeeId,
      entry: { ...common, entryId: marks.entryId, note: marks.note, detail: { case: "mood", value: { valence: 1 } } },
    }),
    session,
  );
  await metricHandlers.putSamples(
    create(PutSamplesRequestSchema, { employeeId, samples: [{ ...common, kind: "heart_rate", value: 60 }] }),
    session,
  );
  return inserted.length > 0;
}

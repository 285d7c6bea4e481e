import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { ErrorReasonSchema } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { PrivacyService } from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import type { RefusedSampleBatch } from "../../src/gen/wellvault/v1/sample_batch_pb.ts";
import type { Role } from "../../src/identity/principal.ts";
import { as } from "../support/clients.ts";
import { failureFrom, failureOf } from "../support/errors.ts";
import { openSampleStream, storedOf } from "../support/sample-streams.ts";
import { logEntry, monday, sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
/** Employees and page tokens of each tenant, made the same way. */
let a: Prey;
let b: Prey;

interface Prey {
  readonly tenant: string;
  readonly vault: string;
  readonly employeeId: string;
  readonly tokens: { readonly employees: string; readonly logs: string; readonly samples: string };
}

beforeAll(async () => {
  service = await startTestService();
  a = await stock("company-a");
  b = await stock("company-b");
});
afterAll(() => service.close());

/** Fills a tenant so that every list has a second page. */
async function stock(tenant: string): Promise<Prey> {
  const { clients, database } = service;
  await service.provision(tenant);
  const employeeId = await service.hire(tenant, `${tenant}-1`);
  await service.hire(tenant, `${tenant}-2`);
  const ingest = as("ingest_service", tenant);
  const own = as("employee", tenant, employeeId);
  for (const n of [1, 2]) {
    const entry = logEntry({ entryId: `${tenant}-${n}`, note: `note of ${tenant}` });
    await clients.logs.putLogEntry({ employeeId, entry }, ingest);
    const startTime = fromMicros(monday + BigInt(n) * 1_000_000n);
    await clients.metrics.putSamples({ employeeId, samples: [sample({ startTime, source: "watch" })] }, ingest);
  }
  const { rows } = await database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenant],
  );
  const tokens = {
    employees: (await clients.employees.listEmployees({ pageSize: 1 }, as("company_admin", tenant))).nextPageToken,
    logs: (await clients.logs.listLogEntries({ employeeId, pageSize: 1 }, own)).nextPageToken,
    samples: (await clients.metrics.listSamples({ employeeId, pageSize: 1 }, own)).nextPageToken,
  };
  for (const token of Object.values(tokens)) expect(token).not.toBe("");
  return { tenant, vault: rows[0]?.vault ?? "", employeeId, tokens };
}

/** Every row of every table of a vault, as the administrator sees it. */
async function contents({ vault }: Prey): Promise<string> {
  const { admin } = service.database;
  const tables = ["counters", "employees", "log_entries", "sample_sources", "samples", "sample_days"];
  const parts: string[] = [];
  for (const table of tables) {
    const { rows } = await admin.query<{ row: string }>(`select t::text as row from ${vault}.${table} as t order by 1`);
    parts.push(table, ...rows.map(({ row }) => row));
  }
  return parts.join("\n");
}

type Metadata = ReturnType<typeof as>;
type Attack = (prey: Prey, metadata: Metadata) => Promise<unknown>;

/**
 * Calls of every method that works on a tenant, with ids of `prey`. Which tenant the call is made for
 * is in the metadata.
 */
const attacks: Readonly<Record<string, Readonly<Record<string, Attack>>>> = {
  [EmployeeService.typeName]: {
    getEmployee: (prey, as) =>
      service.clients.employees.getEmployee({ key: { case: "employeeId", value: prey.employeeId } }, as),
    "getEmployee by external id": (prey, as) =>
      service.clients.employees.getEmployee({ key: { case: "externalId", value: `${prey.tenant}-1` } }, as),
    listEmployees: (prey, as) => service.clients.employees.listEmployees({ pageToken: prey.tokens.employees }, as),
    createEmployee: (prey, as) =>
      service.clients.employees.createEmployee(
        { employee: { employeeId: prey.employeeId, externalId: `${prey.tenant}-1` } },
        as,
      ),
    updateEmployee: (prey, as) =>
      service.clients.employees.updateEmployee(
        { employeeId: prey.employeeId, employee: { team: "stolen" }, updateMask: { paths: ["team"] } },
        as,
      ),
    "batchUpsertEmployees by external id": (prey, as) =>
      service.clients.employees.batchUpsertEmployees(
        { employees: [{ employeeId: prey.employeeId, externalId: `${prey.tenant}-1`, team: "stolen" }] },
        as,
      ),
    deleteEmployee: (prey, as) => service.clients.employees.deleteEmployee({ employeeId: prey.employeeId }, as),
  },
  [EmployeeLogService.typeName]: {
    putLogEntry: (prey, as) =>
      service.clients.logs.putLogEntry(
        { employeeId: prey.employeeId, entry: logEntry({ entryId: `${prey.tenant}-1`, version: 9n }) },
        as,
      ),
    getLogEntry: (prey, as) =>
      service.clients.logs.getLogEntry({ employeeId: prey.employeeId, entryId: `${prey.tenant}-1` }, as),
    listLogEntries: (prey, as) => service.clients.logs.listLogEntries({ employeeId: prey.employeeId }, as),
    "listLogEntries by token": (prey, as) =>
      service.clients.logs.listLogEntries({ employeeId: prey.employeeId, pageToken: prey.tokens.logs }, as),
    deleteLogEntry: (prey, as) =>
      service.clients.logs.deleteLogEntry({ employeeId: prey.employeeId, entryId: `${prey.tenant}-1` }, as),
  },
  [MetricService.typeName]: {
    putSamples: (prey, as) =>
      service.clients.metrics.putSamples({ employeeId: prey.employeeId, samples: [sample({ version: 9n })] }, as),
    streamSamples: async (prey, as) => {
      const stream = openSampleStream(service.clients, as);
      const samples = [sample({ version: 9n })];
      const response = await stream.put({ batchNumber: 1n, employeeId: prey.employeeId, samples });
      await stream.finish();
      if (response.outcome.case === "refused") throw refused(response.outcome.value);
      return storedOf(response);
    },
    listSamples: (prey, as) => service.clients.metrics.listSamples({ employeeId: prey.employeeId }, as),
    "listSamples by token": (prey, as) =>
      service.clients.metrics.listSamples({ employeeId: prey.employeeId, pageToken: prey.tokens.samples }, as),
    deleteSamples: (prey, as) =>
      service.clients.metrics.deleteSamples(
        { employeeId: prey.employeeId, selection: { case: "keys", value: { keys: [sampleKey()] } } },
        as,
      ),
    "deleteSamples by range": (prey, as) => {
      const value = { source: "watch", startTime: fromMicros(0n), endTime: fromMicros(2n * monday) };
      const selection = { case: "range", value } as const;
      return service.clients.metrics.deleteSamples({ employeeId: prey.employeeId, selection }, as);
    },
    aggregateSamples: (prey, as) => {
      const range = { startDate: "2026-01-05", endDate: "2026-01-06", period: CalendarPeriod.DAY };
      return service.clients.metrics.aggregateSamples(
        { employeeId: prey.employeeId, kinds: ["heart_rate"], ...range },
        as,
      );
    },
    getTrend: (prey, as) =>
      service.clients.metrics.getTrend({ employeeId: prey.employeeId, kind: "heart_rate", endDate: "2026-01-06" }, as),
  },
  [PrivacyService.typeName]: {
    exportEmployee: (prey, as) =>
      Array.fromAsync(service.clients.privacy.exportEmployee({ employeeId: prey.employeeId }, as)),
  },
};

/** A refusal of a batch as the error that it would be of a call. */
function refused({ reason, message }: RefusedSampleBatch): ConnectError {
  const error = new ConnectError(message, Code.NotFound);
  const info = { reason: ErrorReasonSchema.value[reason]?.localName ?? "", domain: "wellvault.v1" };
  error.details.push({ desc: ErrorInfoSchema, value: info });
  return error;
}

const roles: readonly Role[] = ["employee", "coach", "company_admin", "ingest_service", "auditor", "platform_operator"];
const calls = Object.entries(attacks).flatMap(([typeName, methods]) =>
  Object.entries(methods).map(([name, attack]) => ({ name: `${typeName.replace(/.*\./, "")}.${name}`, attack })),
);

test("no method that works on a tenant is left out", () => {
  for (const { typeName, method } of [EmployeeService, EmployeeLogService, MetricService, PrivacyService]) {
    const attacked = new Set(Object.keys(attacks[typeName] ?? {}).map((name) => name.split(" ")[0]));
    // ListMetricKinds is the same for everybody and reaches no tenant.
    expect(attacked).toEqual(new Set(Object.keys(method).filter((name) => name !== "listMetricKinds")));
  }
});

describe("a call for A with ids of B", () => {
  test.each(calls)("$name, as any role: B is neither read nor changed", async ({ name, attack }) => {
    const before = await contents(b);
    for (const role of roles) {
      // An employee of A who claims the id of B's employee passes the check of the own id.
      for (const employeeId of role === "employee" ? [a.employeeId, b.employeeId] : [undefined]) {
        const outcome = await attack(b, as(role, a.tenant, employeeId)).catch((error: unknown) => error);
        if (outcome instanceof ConnectError) {
          expect(failureFrom(outcome).reason).toMatch(/^(RESOURCE_NOT_FOUND|PAGE_TOKEN_INVALID|ACCESS_DENIED)$/);
          expect(outcome.rawMessage).not.toContain("note of");
        } else {
          // The one call that may work: A takes the same external id for an employee of its own.
          expect(name).toMatch(/createEmployee|by external id/);
          expect(JSON.stringify(outcome, (_, v: unknown) => String(v))).not.toContain(b.employeeId);
        }
      }
    }
    expect(await contents(b)).toBe(before);
  });

  test.each(calls.filter(({ name }) => !/delete/i.test(name)))(
    "the control: $name works for some role with ids of the own tenant",
    async ({ name, attack }) => {
      const outcomes = await Promise.all(
        roles.map((role) =>
          attack(b, as(role, b.tenant, role === "employee" ? b.employeeId : undefined)).then(
            () => "",
            (error: unknown) => failureFrom(ConnectError.from(error)).reason,
          ),
        ),
      );
      if (/createEmployee/.test(name)) expect(outcomes).toContain("RESOURCE_EXISTS");
      else expect(outcomes).toContain("");
    },
  );

  test("the control: the comparison of B's contents sees a change of one value", async () => {
    const before = await contents(b);
    const own = as("ingest_service", b.tenant);
    const { replacedCount, insertedCount } = await service.clients.metrics.putSamples(
      { employeeId: b.employeeId, samples: [sample({ version: 10n })] },
      own,
    );
    expect(replacedCount + insertedCount).toBe(1);
    expect(await contents(b)).not.toBe(before);
  });

  test("the control: deleting works with ids of the own tenant", async () => {
    const { "deleteSamples by range": deleteSamples } = attacks[MetricService.typeName] ?? {};
    const deleted = await deleteSamples?.(b, as("ingest_service", b.tenant));
    expect(Number((deleted as { deletedCount: bigint }).deletedCount)).toBeGreaterThan(0);
    const { deleteLogEntry, getLogEntry } = attacks[EmployeeLogService.typeName] ?? {};
    const { deleteEmployee, getEmployee } = attacks[EmployeeService.typeName] ?? {};
    const own = as("employee", b.tenant, b.employeeId);
    const admin = as("company_admin", b.tenant);
    await deleteLogEntry?.(b, own);
    await expect(getLogEntry?.(b, own)).rejects.toMatchObject({ code: Code.NotFound });
    await deleteEmployee?.(b, admin);
    await expect(getEmployee?.(b, admin)).rejects.toMatchObject({ code: Code.NotFound });
  });
});

describe("ids that both tenants use", () => {
  test("the same external id, entry id, source and request id stand in each vault on their own", async () => {
    const requestId = "0c9d2f0a-5a0b-4d0e-9d3e-4b1f1f0b7c11";
    const seen: string[] = [];
    for (const tenant of [a.tenant, b.tenant]) {
      const { employee } = await service.clients.employees.createEmployee(
        { employee: { externalId: "shared", team: tenant }, requestId },
        as("company_admin", tenant),
      );
      const employeeId = employee?.employeeId ?? "";
      const entry = logEntry({ entryId: "shared", note: tenant });
      await service.clients.logs.putLogEntry({ employeeId, entry }, as("ingest_service", tenant));
      seen.push(employeeId);
    }
    expect(new Set(seen).size).toBe(2);
    for (const [index, tenant] of [a.tenant, b.tenant].entries()) {
      const employeeId = seen[index] ?? "";
      const { employee } = await service.clients.employees.getEmployee(
        { key: { case: "externalId", value: "shared" } },
        as("company_admin", tenant),
      );
      expect(employee).toMatchObject({ employeeId, team: tenant });
      const { entry } = await service.clients.logs.getLogEntry(
        { employeeId, entryId: "shared" },
        as("employee", tenant, employeeId),
      );
      expect(entry?.note).toBe(tenant);
    }
  });
});

test("a suspended tenant is refused like one that does not exist", async () => {
  const refusal = (tenant: string) =>
    failureOf(service.clients.employees.listEmployees({}, as("company_admin", tenant)));
  await service.provision("suspended");
  const { admin } = service.database;
  await admin.query("update control.companies set state = 'SUSPENDED' where tenant_id = 'suspended'");
  expect(await refusal("suspended")).toEqual(await refusal("never-there"));
  expect(await refusal("suspended")).toMatchObject({ code: "PermissionDenied", reason: "TENANT_DENIED" });
});

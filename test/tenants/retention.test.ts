import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fromMicros, type Micros, toMicros } from "../../src/civil-time.ts";
import type { PurgeExpiredResponse } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { roles } from "../../src/identity/principal.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { expectQuiet } from "../support/locks.ts";
import { logEntry, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const operator = as("platform_operator");

let service: TestService;
let tenantId: string;
beforeAll(async () => {
  service = await startTestService();
});
beforeEach(async () => {
  tenantId = await service.provision();
});
afterAll(() => service.close());

const update = (retention: object, paths: string[] = [], id = tenantId) =>
  service.clients.tenants.updateTenant({ tenantId: id, tenant: { retention }, updateMask: { paths } }, operator);

const purge = (validateOnly: boolean, id = tenantId) =>
  Array.fromAsync(service.clients.tenants.purgeExpired({ tenantId: id, validateOnly }, operator));

/** What a purge said at its end. */
async function purged(validateOnly = false): Promise<PurgeExpiredResponse> {
  const last = (await purge(validateOnly)).at(-1);
  if (!last?.complete) throw new Error("the purge did not say that it was complete");
  return last;
}

async function vaultOf(id = tenantId): Promise<string> {
  const { rows } = await service.database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [id],
  );
  return rows[0]?.vault ?? "";
}

/** Stores samples a minute apart, straight into the table. */
async function fill(employeeId: string, samples: number, from: string, kind = 11): Promise<void> {
  const vault = await vaultOf();
  const { clients, database } = service;
  await clients.metrics.putSamples({ employeeId, samples: [sample()] }, as("ingest_service", tenantId));
  await database.admin.query(
    `insert into ${vault}.samples (
       employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
     )
     select employee_no, $4, $3::timestamptz + n * interval '1 minute', 1, 1, 60, 0, 0, 0
     from ${vault}.employees, generate_series(1, $2) as n where employee_id = $1`,
    [employeeId, samples, from, kind],
  );
}

async function count(table: string, id = tenantId): Promise<number> {
  const { rows } = await service.database.admin.query<{ count: number }>(
    `select count(*)::integer as count from ${await vaultOf(id)}.${table}`,
  );
  return rows[0]?.count ?? 0;
}

describe("the settings", () => {
  test("are 25 months for samples and 84 for log entries until they are changed, each by itself", async () => {
    const read = async () => (await service.clients.tenants.getTenant({ tenantId }, operator)).tenant?.retention;
    expect(await read()).toMatchObject({ sampleMonths: 25, logEntryMonths: 84 });
    await update({ sampleMonths: 13 }, ["retention.sample_months"]);
    expect(await read()).toMatchObject({ sampleMonths: 13, logEntryMonths: 84 });
    await update({ sampleMonths: 999, logEntryMonths: 12 }, ["retention.log_entry_months"]);
    expect(await read()).toMatchObject({ sampleMonths: 13, logEntryMonths: 12 });
    const { tenant } = await update({ sampleMonths: 1, logEntryMonths: 1_200 });
    expect(tenant?.retention).toMatchObject({ sampleMonths: 1, logEntryMonths: 1_200 });
    expect(await read()).toEqual(tenant?.retention);
  });

  test.each([
    [{ sampleMonths: 0, logEntryMonths: 12 }, [], ["tenant.retention.sample_months"]],
    [{}, ["retention"], ["tenant.retention.sample_months", "tenant.retention.log_entry_months"]],
    [{ sampleMonths: 1_201 }, ["retention.sample_months"], ["tenant.retention.sample_months"]],
    [{ logEntryMonths: -1 }, ["retention.log_entry_months"], ["tenant.retention.log_entry_months"]],
  ])("%j with the mask %j are refused and nothing is changed", async (retention, paths, fields) => {
    expect(await failureOf(update(retention, paths))).toMatchObject({ code: "InvalidArgument", fields });
    const { tenant } = await service.clients.tenants.getTenant({ tenantId }, operator);
    expect(tenant?.retention).toMatchObject({ sampleMonths: 25, logEntryMonths: 84 });
  });

  test("without a retention, of a field that is no setting, or of a tenant that there is not are refused", async () => {
    const { tenants } = service.clients;
    expect(await failureOf(tenants.updateTenant({ tenantId }, operator))).toMatchObject({
      fields: ["tenant.retention"],
    });
    expect(await failureOf(update({ sampleMonths: 1 }, ["state"]))).toMatchObject({ fields: ["update_mask"] });
    for (const id of ["no-such-tenant", "wellvault-canary"]) {
      const calls = [update({ sampleMonths: 1, logEntryMonths: 1 }, [], id), purge(true, id), purge(false, id)];
      for (const call of calls) {
        expect(await failureOf(call)).toMatchObject({ code: "NotFound", resource: { name: id } });
      }
    }
  });
});

describe("a purge", () => {
  test("removes what starts before the first day that is kept, of everybody, and nothing else", async () => {
    const { clients } = service;
    const other = await service.provision();
    const start = (await purged(true)).sampleStartTime;
    if (!start) throw new Error("no start was told");
    expect(timestampMs(start) % 86_400_000).toBe(0);
    const first: Micros = toMicros(start);
    const sampled = (micros: Micros, kind = "heart_rate") => sample({ kind, startTime: fromMicros(micros), value: 60 });
    const noted = (entryId: string, startTime: Micros) => logEntry({ entryId, startTime: fromMicros(startTime) });
    const years = 366n * 86_400_000_000n;
    for (const tenant of [tenantId, other]) {
      const ingest = as("ingest_service", tenant);
      const people = [await service.hire(tenant), await service.hire(tenant)];
      for (const employeeId of people) {
        const samples = [
          ...[first - 1n, first, first + 1n].map((micros) => sampled(micros)),
          sampled(first - 1n, "weight"),
          sampled(first, "weight"),
        ];
        await clients.metrics.putSamples({ employeeId, samples }, ingest);
        // Far older than samples are kept, and older than entries are.
        for (const entry of [
          noted("kept", first - 2n * years),
          noted("old", first - 6n * years),
          noted("gone", first - 6n * years),
        ]) {
          await clients.logs.putLogEntry({ employeeId, entry }, ingest);
        }
        const own = as("employee", tenant, employeeId);
        await clients.logs.deleteLogEntry({ employeeId, entryId: "gone" }, own);
      }
      // What is kept of somebody who was deleted expires like the rest.
      await clients.employees.deleteEmployee({ employeeId: people[1] ?? "" }, as("company_admin", tenant));
    }
    const expected = { sampleCount: 4n, logEntryCount: 4n };
    expect(await purged(true)).toMatchObject(expected);
    expect([await count("samples"), await count("log_entries")]).toEqual([10, 6]);
    expect(await purged()).toMatchObject(expected);
    expect([await count("samples"), await count("log_entries")]).toEqual([6, 2]);
    expect(await purged()).toMatchObject({ sampleCount: 0n, logEntryCount: 0n });
    expect([await count("samples", other), await count("log_entries", other)]).toEqual([10, 6]);
  });

  test("of many rows goes in steps, and goes on where it was cancelled", async () => {
    const people = [await service.hire(tenantId), await service.hire(tenantId)];
    for (const employeeId of people) {
      await fill(employeeId, 6_000, "2019-01-01Z", 11);
      await fill(employeeId, 3_000, "2019-01-01Z", 12);
    }
    expect(await purged(true)).toMatchObject({ sampleCount: 18_000n });
    const end = new AbortController();
    const told: bigint[] = [];
    const cancelled = async () => {
      const call = service.clients.tenants.purgeExpired({ tenantId }, { ...operator, signal: end.signal });
      for await (const { sampleCount, complete } of call) {
        expect(complete).toBe(false);
        told.push(sampleCount);
        end.abort();
      }
    };
    await expect(cancelled()).rejects.toThrow();
    await expectQuiet(service.database);
    expect(told[0]).toBe(5_000n);
    const left = await count("samples");
    expect(left).toBeLessThanOrEqual(18_000 + 2 - 5_000);
    const steps = await purge(false);
    expect(steps.at(-1)).toMatchObject({ complete: true, sampleCount: BigInt(left - 2) });
    expect(await count("samples")).toBe(2);
  });

  test("beside writes of the very rows that it removes fails for nobody", async () => {
    const employeeId = await service.hire(tenantId);
    const from = BigInt(Date.UTC(2019, 0, 1)) * 1_000n;
    const samples = Array.from({ length: 600 }, (_, n) =>
      sample({ startTime: fromMicros(from + BigInt(n) * 60_000_000n), kind: n % 2 === 0 ? "weight" : "heart_rate" }),
    );
    const put = (version: bigint) =>
      service.clients.metrics.putSamples(
        { employeeId, samples: samples.map((one) => ({ ...one, version })) },
        as("ingest_service", tenantId),
      );
    const writes = Array.from({ length: 24 }, (_, n) => put(BigInt(n + 1)));
    const purges = (async () => {
      let removed = 0n;
      for (let n = 0; n < 12; n++) removed += (await purged()).sampleCount;
      return removed;
    })();
    expect((await Promise.allSettled([...writes, purges])).filter(({ status }) => status === "rejected")).toEqual([]);
    // Each version of a sample was stored, kept by a higher one, or removed; none is left once no one writes.
    await purged();
    expect(await count("samples")).toBe(0);
  });

  test("of a tenant without expired rows, or without employees, is complete at once", async () => {
    expect(await purge(false)).toMatchObject([{ complete: true, sampleCount: 0n, logEntryCount: 0n }]);
    for (let n = 0; n < 3; n++) await service.hire(tenantId);
    expect(await purge(true)).toMatchObject([{ complete: true, sampleCount: 0n, logEntryCount: 0n }]);
  });

  test("takes effect with a shorter retention, and what is sent again stays until the next", async () => {
    const employeeId = await service.hire(tenantId);
    const days = BigInt(Date.now()) * 1_000n - 40n * 86_400_000_000n;
    const samples = [sample({ startTime: fromMicros(days) })];
    const put = () => service.clients.metrics.putSamples({ employeeId, samples }, as("ingest_service", tenantId));
    await put();
    expect(await purged()).toMatchObject({ sampleCount: 0n });
    await update({ sampleMonths: 1 }, ["retention.sample_months"]);
    expect(await purged()).toMatchObject({ sampleCount: 1n });
    expect(await put()).toMatchObject({ insertedCount: 1 });
    expect(await purged()).toMatchObject({ sampleCount: 1n });
  });

  test("is asked for by the platform's operator alone", async () => {
    const employeeId = await service.hire(tenantId);
    for (const role of roles.filter((one) => one !== "platform_operator")) {
      const caller = as(role, tenantId, role === "employee" ? employeeId : undefined);
      for (const validateOnly of [true, false]) {
        const call = service.clients.tenants.purgeExpired({ tenantId, validateOnly }, caller);
        expect(await failureOf(Array.fromAsync(call))).toMatchObject({ reason: "ACCESS_DENIED" });
      }
    }
  });

  test("is nothing that the data plane can do: no vault's role deletes rows, or has them deleted", async () => {
    const step = "control.purge_expired(text, integer, integer, boolean)";
    const { rows } = await service.database.admin.query<Record<string, boolean>>(
      `select role,
         has_table_privilege(role, $2 || '.samples', 'delete') or has_table_privilege(role, $2 || '.log_entries', 'delete')
           as deletes,
         has_function_privilege(role, '${step}', 'execute') as calls
       from unnest($1::text[]) as role`,
      [
        [await vaultOf(), "wellvault_app", "wellvault_auditor", "wellvault_session", "wellvault_control"],
        await vaultOf(),
      ],
    );
    expect(rows.map(({ deletes }) => deletes)).toEqual([false, false, false, false, false]);
    // The last is the control: the control plane's login, which sees no row.
    expect(rows.map(({ calls }) => calls)).toEqual([false, false, false, false, true]);
  });
});

import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { startEmbeddedServer } from "../../src/database/embedded-server.ts";
import { migrateControl } from "../../src/database/migrations.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { kindRows } from "../../src/metrics/kind-rows.ts";
import { createTenantTokens, type TenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { openClient } from "../database.ts";

/** How much there is: one company among many, whose statements are measured. */
export const size = {
  companies: 10_000,
  employees: 10_000,
  /** Employees with samples, and with days of samples. */
  measured: 8,
  /** Days with samples of heart rates, and samples of a day and a source: one every other minute. */
  days: 30,
  samplesOfDay: 720,
  /** Sources of each of them. */
  sources: 4,
  /** Days of steps, of which the first are kept because their samples were purged. */
  stepDays: 365,
  keptDays: 100,
  /** Days of heart rates, the last of them, that are stale. */
  staleDays: 10,
  /** Employees with log entries, and entries of each. */
  loggers: 100,
  entries: 1_000,
  /** Of so many samples, and entries, one was deleted. */
  oneDeletedOf: 50,
} as const;

/** The kinds that there are samples or days of, and when these begin. */
export const heartRate = 11;
export const steps = 1;
export const firstDay = "2025-01-01";

/** A database with a company to measure statements in; disposing of it removes it. */
export interface StatementWorld extends AsyncDisposable {
  /** A connection as a superuser. */
  readonly admin: pg.Client;
  readonly tokens: TenantTokens;
  readonly tenantId: string;
  readonly companyId: string;
  /** Schema and role of the company. */
  readonly vault: string;
  /** Ids of the employees with samples, by their number in the vault, from 1. */
  readonly employeeIds: readonly string[];
}

/**
 * Makes the database. Every table is vacuumed and analysed, and stays as it is.
 *
 * @param signal ends it between two of its steps when it fires; its reason is thrown
 */
export async function openStatementWorld(signal: AbortSignal): Promise<StatementWorld> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "wellvault-statements-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  // For root the server runs as another user, who has to get in.
  await chmod(folder, 0o711);
  const server = await startEmbeddedServer({ folder, disposable: true });
  // Where that user could not, it has a folder elsewhere.
  started.defer(() => rm(server.folder, { recursive: true, force: true }));
  started.defer(() => server.stop("immediate"));
  const tokenKey = deriveTokenKey("statements");
  await migrateControl(server.url, { loginSecret: undefined, tokenKey, metricKinds: kindRows });
  const admin = started.use(await openClient(server.url));
  // A vacuum of PostgreSQL's own would come when it likes and change what a statement reads.
  await admin.query("alter system set autovacuum = off");
  await admin.query("select pg_reload_conf()");
  const { rows } = await admin.query<{ tenant_id: string; company_id: string; vault: string }>(
    `insert into control.companies (tenant_id, display_name, external_id, sample_retention_months)
     values ('company-00000', 'Company 0', 'X-0', 12)
     returning tenant_id, company_id, vault::text as vault`,
  );
  const company = rows[0];
  if (!company) throw new Error("no company was provisioned");
  await admin.query("select set_config('search_path', $1, false)", [company.vault]);
  // The others are rows without vaults; and what is written here is right, so nobody needs to look at each row's references.
  await admin.query("set session_replication_role = replica");
  await fill(admin, signal);
  await admin.query("reset session_replication_role");
  await admin.query("vacuum analyze");
  // PostgreSQL does not add what a parallel worker reads to what the session reads.
  await admin.query("set max_parallel_workers_per_gather = 0");
  const { rows: people } = await admin.query<{ employee_id: string }>(
    "select employee_id::text as employee_id from employees where employee_no <= $1 order by employee_no",
    [size.measured],
  );
  const running = started.move();
  return {
    admin,
    tokens: createTenantTokens(tokenKey),
    tenantId: company.tenant_id,
    companyId: company.company_id,
    vault: company.vault,
    employeeIds: people.map((person) => person.employee_id),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function fill(admin: pg.Client, signal: AbortSignal): Promise<void> {
  await admin.query(
    `insert into control.companies (tenant_id, display_name, external_id, request_id, login)
     select 'company-' || lpad(n::text, 5, '0'), 'Company ' || n, 'X-' || n, gen_random_uuid(), 'wellvault_app'
     from generate_series(1, $1 - 1) as n`,
    [size.companies],
  );
  await admin.query(
    `insert into employees (employee_no, employee_id, external_id, display_name, team)
     select n, gen_random_uuid(), 'E-' || n, 'Employee ' || n, 'Team ' || n % 20 from generate_series(1, $1) as n`,
    [size.employees],
  );
  await admin.query("update counters set last_value = $1 where name <> 'sample_source'", [size.employees]);
  await admin.query(
    "insert into sample_sources (source_no, slug, daily) select n, 'source_' || n, false from generate_series(1, $1) as n",
    [size.sources],
  );
  await admin.query("update counters set last_value = $1 where name = 'sample_source'", [size.sources]);
  signal.throwIfAborted();
  await admin.query(
    `insert into samples (
       start_time, value, version, employee_no, end_seconds, kind, source_no, utc_offset_minutes, recording_method
     )
     select
       $1::date::timestamp at time zone 'UTC' + n * interval '2 minutes', 50 + n % 70, 1, person, 0, $2, source, 0,
       case when n % $3 = 0 then -1 else 0 end
     from generate_series(1, $4) as person, generate_series(0, $5 - 1) as n, generate_series(1, $6) as source
     -- As devices send them: a batch of each source a day.
     order by n / $7, person, source, n`,
    [
      ...[firstDay, heartRate, size.oneDeletedOf, size.measured, size.days * size.samplesOfDay, size.sources],
      size.samplesOfDay,
    ],
  );
  signal.throwIfAborted();
  await admin.query(
    `insert into sample_days (employee_no, kind, civil_day, source_no, count, sum, min, max, last, last_time, state)
     select
       person, kind, $1::date + day, source, 720, 60000, 50, 119, 60, $1::date + day,
       case when kind = $2 and day >= $3 then 1 when kind = $4 and day < $5 then 2 else 0 end
     from
       generate_series(1, $6) as person,
       (values ($2::smallint, $7::integer), ($4::smallint, $8::integer)) as kinds (kind, days),
       generate_series(0, days - 1) as day,
       generate_series(1, $9) as source`,
    [
      ...[firstDay, heartRate, size.days - size.staleDays, steps, size.keptDays, size.measured],
      ...[size.days, size.stepDays, size.sources],
    ],
  );
  await admin.query(
    `insert into log_entries (
       employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, note, detail, delete_time
     )
     select
       person, 'entry-' || lpad(n::text, 5, '0'), 1 + n % 5, $1::date + n * interval '6 hours', 60, 'app', 1,
       'slept well, a little tired', '{"mood": {"valence": 1.5, "labels": ["calm", "content"]}}',
       case when n % $2 = 0 then now() end
     from generate_series(1, $3) as person, generate_series(0, $4 - 1) as n`,
    [firstDay, size.oneDeletedOf, size.loggers, size.entries],
  );
}

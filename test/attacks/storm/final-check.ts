import { create } from "@bufbuild/protobuf";
import type pg from "pg";
import { inParallel } from "../../../src/cli/demo/in-parallel.ts";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { type Employee, EmployeeSchema } from "../../../src/gen/wellvault/v1/employee_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import type { LogEntry } from "../../../src/gen/wellvault/v1/log_entry_pb.ts";
import type { MetricSample } from "../../../src/gen/wellvault/v1/metric_pb.ts";
import { MetricService } from "../../../src/gen/wellvault/v1/metric_service_pb.ts";
import type { Caller } from "../../support/callers.ts";
import { checkEmployees, checkEntries, checkSamples, type RowChecks } from "./check-rows.ts";
import { type Ledger, rowKey, sampleEpochSeconds, type Versions } from "./ledger.ts";
import type { Badges } from "./orders.ts";

/** What the final check looked at. */
export interface FinalCounts {
  /** Rows that calls were acknowledged for, over all companies. */
  acknowledged: { employees: number; entries: number; samples: number };
  /** Of these, how many were missing or older than acknowledged, by the API or in the tables. */
  lost: number;
  /** Rows in the vaults' tables, all of them looked at. */
  rowsInTables: number;
}

/** What stands in a vault, by the keys of the ledger. */
interface Contents {
  readonly externalIds: ReadonlySet<string>;
  /** Versions by row. */
  readonly entries: ReadonlyMap<string, number>;
  readonly samples: ReadonlyMap<string, number>;
}

/** Reads every company back, by the API and by SQL, and compares both with what was acknowledged. */
export async function finalCheck(
  admin: pg.Client,
  ledgers: readonly Ledger[],
  callers: readonly Caller[],
  badges: Badges,
  checks: RowChecks,
): Promise<FinalCounts> {
  const counts: FinalCounts = { acknowledged: { employees: 0, entries: 0, samples: 0 }, lost: 0, rowsInTables: 0 };
  await inParallel(ledgers, 8, async (ledger) => {
    const caller = callers[ledger.index % callers.length] as Caller;
    counts.acknowledged.employees += ledger.employees.size;
    counts.acknowledged.entries += acknowledged(ledger.entries);
    counts.acknowledged.samples += acknowledged(ledger.samples);
    counts.lost += compare(checks, ledger, "the API", await readByApi(caller, badges, checks, ledger));
  });
  for (const ledger of ledgers) {
    counts.lost += compare(checks, ledger, "the tables", await readBySql(admin, checks, ledger, counts));
  }
  const { rows } = await admin.query<{ count: number }>(
    `select count(*)::integer as count from pg_stat_activity
     where datname = current_database() and state like 'idle in transaction%'`,
  );
  if (rows[0]?.count !== 0) checks.violations.push(`left behind: ${rows[0]?.count} open transactions`);
  return counts;
}

function acknowledged(rows: ReadonlyMap<string, Versions>): number {
  return [...rows.values()].filter((row) => row.acknowledged > 0).length;
}

/** Returns how many acknowledged rows are missing; tells of them and of rows that nobody sent. */
function compare(checks: RowChecks, ledger: Ledger, where: string, found: Contents): number {
  const missing = [...ledger.employees.values()].filter(({ externalId }) => !found.externalIds.has(externalId));
  for (const { externalId } of missing) checks.violations.push(`lost: employee "${externalId}" in ${where}`);
  for (const externalId of found.externalIds) {
    if (!ledger.sentExternalIds.has(externalId)) {
      checks.violations.push(`not sent: employee "${externalId}" in ${where}, company ${ledger.index}`);
    }
  }
  return (
    missing.length +
    compareVersions(checks, `an entry of company ${ledger.index} in ${where}`, ledger.entries, found.entries) +
    compareVersions(checks, `a sample of company ${ledger.index} in ${where}`, ledger.samples, found.samples)
  );
}

function compareVersions(
  checks: RowChecks,
  what: string,
  expected: ReadonlyMap<string, Versions>,
  found: ReadonlyMap<string, number>,
): number {
  let lost = 0;
  for (const [key, { acknowledged }] of expected) {
    if ((found.get(key) ?? 0) >= acknowledged) continue;
    lost++;
    checks.violations.push(`lost: ${what}: version ${acknowledged} was acknowledged, ${found.get(key)} is there`);
  }
  for (const [key, version] of found) {
    if (version > (expected.get(key)?.sent ?? 0)) checks.violations.push(`not sent: ${what}, version ${version}`);
  }
  return lost;
}

/** The number of a sample by its start. */
function sampleNumber(seconds: bigint): number {
  return (Number(seconds) - sampleEpochSeconds) / 60;
}

async function readByApi(caller: Caller, badges: Badges, checks: RowChecks, ledger: Ledger): Promise<Contents> {
  const { employees } = await caller.call(
    EmployeeService.method.listEmployees,
    { pageSize: 1_000 },
    await badges.admin(ledger),
  );
  checkEmployees(checks, ledger, "the roster at the end", employees);
  const entries = new Map<string, number>();
  const samples = new Map<string, number>();
  for (const { employeeId } of employees) {
    const own = await badges.employee(ledger, employeeId);
    const log = await caller.call(EmployeeLogService.method.listLogEntries, { employeeId, pageSize: 1_000 }, own);
    const list = await caller.call(MetricService.method.listSamples, { employeeId, pageSize: 10_000 }, own);
    checkEntries(checks, ledger, "the log at the end", log.entries);
    checkSamples(checks, ledger, "the samples at the end", list.samples);
    for (const { entryId, version } of log.entries) entries.set(rowKey(employeeId, entryId), Number(version));
    for (const { startTime, version } of list.samples) {
      samples.set(rowKey(employeeId, sampleNumber(startTime?.seconds ?? 0n)), Number(version));
    }
  }
  return { externalIds: new Set(employees.map(({ externalId }) => externalId)), entries, samples };
}

async function readBySql(admin: pg.Client, checks: RowChecks, ledger: Ledger, counts: FinalCounts): Promise<Contents> {
  const company = await admin.query<{ vault: string; company_id: string }>(
    "select vault::text as vault, company_id from control.companies where tenant_id = $1",
    [ledger.tenantId],
  );
  const { vault = "", company_id: companyId = "" } = company.rows[0] ?? {};
  for (const table of ["counters", "employees", "log_entries", "sample_sources", "samples"]) {
    const { rows } = await admin.query<{ all: number; foreign: number }>(
      `select count(*)::integer as all, (count(*) filter (where company_id <> $1))::integer as foreign
       from ${vault}.${table}`,
      [companyId],
    );
    const { all = 0, foreign = 0 } = rows[0] ?? {};
    counts.rowsInTables += all;
    if (foreign > 0) checks.violations.push(`foreign row: ${foreign} of ${table} of company ${ledger.index} by stamp`);
  }
  const employees = await admin.query<{ employee_no: number; employee_id: string; names: string[] }>(
    `select employee_no, employee_id, array[external_id, display_name, team] as names from ${vault}.employees`,
  );
  const people: Employee[] = employees.rows.map(({ names: [externalId = "", displayName = "", team = ""] }) =>
    create(EmployeeSchema, { externalId, displayName, team }),
  );
  checkEmployees(checks, ledger, "the table employees", people);
  const idOf = new Map(employees.rows.map((row) => [row.employee_no, row.employee_id]));
  const log = await admin.query<{
    employee_no: number;
    entry_id: string;
    version: string;
    source: string;
    note: string;
  }>(`select employee_no, entry_id, version, source, note from ${vault}.log_entries`);
  const sampled = await admin.query<{
    employee_no: number;
    slug: string;
    value: number;
    version: string;
    start: string;
  }>(
    `select s.employee_no, o.slug, s.value, s.version, extract(epoch from s.start_time)::bigint::text as start
     from ${vault}.samples as s join ${vault}.sample_sources as o using (source_no)`,
  );
  checkEntries(
    checks,
    ledger,
    "the table log_entries",
    log.rows.map((row) => toEntry(row, ledger)),
  );
  checkSamples(checks, ledger, "the table samples", sampled.rows.map(toSample));
  const owner = (no: number) => idOf.get(no) ?? "";
  return {
    externalIds: new Set(people.map(({ externalId }) => externalId)),
    entries: new Map(log.rows.map((row) => [rowKey(owner(row.employee_no), row.entry_id), Number(row.version)])),
    samples: new Map(
      sampled.rows.map((row) => [rowKey(owner(row.employee_no), sampleNumber(BigInt(row.start))), Number(row.version)]),
    ),
  };
}

function toEntry(row: { entry_id: string; version: string; source: string; note: string }, ledger: Ledger): LogEntry {
  const detail = { case: "journal", value: { title: ledger.stamp } };
  return {
    entryId: row.entry_id,
    version: BigInt(row.version),
    source: row.source,
    note: row.note,
    detail,
  } as LogEntry;
}

function toSample(row: { slug: string; value: number; version: string }): MetricSample {
  return { source: row.slug, value: row.value, version: BigInt(row.version) } as MetricSample;
}

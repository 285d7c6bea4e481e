import { randomUUID } from "node:crypto";
import type { Statement } from "../../src/database/statement.ts";
import { allotEmployeeNo } from "../../src/employees/statements/allot-employee-no.ts";
import { countEmployeeOut } from "../../src/employees/statements/count-employee-out.ts";
import { countEmployeesIn } from "../../src/employees/statements/count-employees-in.ts";
import { findEmployeeNo } from "../../src/employees/statements/find-employee-no.ts";
import { getEmployee } from "../../src/employees/statements/get-employee.ts";
import { getEmployeeByExternalId } from "../../src/employees/statements/get-employee-by-external-id.ts";
import { insertEmployees } from "../../src/employees/statements/insert-employees.ts";
import { listEmployees } from "../../src/employees/statements/list-employees.ts";
import { lockCounters } from "../../src/employees/statements/lock-counters.ts";
import { lockEmployees } from "../../src/employees/statements/lock-employees.ts";
import { updateEmployees } from "../../src/employees/statements/update-employees.ts";
import { deleteLogEntry } from "../../src/logs/statements/delete-log-entry.ts";
import { getLogEntry } from "../../src/logs/statements/get-log-entry.ts";
import { listLogEntries } from "../../src/logs/statements/list-log-entries.ts";
import { listNewestLogEntries } from "../../src/logs/statements/list-newest-log-entries.ts";
import { putLogEntry } from "../../src/logs/statements/put-log-entry.ts";
import { wakingKinds } from "../../src/metrics/kinds.ts";
import { aggregateSampleDays } from "../../src/metrics/statements/aggregate-sample-days.ts";
import { computeDays } from "../../src/metrics/statements/compute-days.ts";
import { deleteSamplesByKey } from "../../src/metrics/statements/delete-samples-by-key.ts";
import { deleteSamplesInRange } from "../../src/metrics/statements/delete-samples-in-range.ts";
import { findSources } from "../../src/metrics/statements/find-sources.ts";
import { findStaleSamples } from "../../src/metrics/statements/find-stale-samples.ts";
import { insertSources } from "../../src/metrics/statements/insert-sources.ts";
import { listSamples } from "../../src/metrics/statements/list-samples.ts";
import { lockSourceCounter } from "../../src/metrics/statements/lock-source-counter.ts";
import { lockStaleDays } from "../../src/metrics/statements/lock-stale-days.ts";
import { putSamples, type SampleArrays } from "../../src/metrics/statements/put-samples.ts";
import { setSourceCounter } from "../../src/metrics/statements/set-source-counter.ts";
import { wipeKeptDays } from "../../src/metrics/statements/wipe-kept-days.ts";
import { exportDeletedLogEntries } from "../../src/privacy/statements/export-deleted-log-entries.ts";
import { exportDeletedSamples } from "../../src/privacy/statements/export-deleted-samples.ts";
import { exportKeptDays } from "../../src/privacy/statements/export-kept-days.ts";
import { exportLogEntries } from "../../src/privacy/statements/export-log-entries.ts";
import { exportSamples } from "../../src/privacy/statements/export-samples.ts";
import { canaryTenantId } from "../../src/tenancy/canary-id.ts";
import { countDataLogins } from "../../src/tenancy/statements/count-data-logins.ts";
import { findCompanies } from "../../src/tenancy/statements/find-companies.ts";
import { findTakenCompanies } from "../../src/tenancy/statements/find-taken-companies.ts";
import { getCompany } from "../../src/tenancy/statements/get-company.ts";
import { insertCompany } from "../../src/tenancy/statements/insert-company.ts";
import { listCompanies } from "../../src/tenancy/statements/list-companies.ts";
import { purgeExpiredStep } from "../../src/tenancy/statements/purge-expired.ts";
import { readClock } from "../../src/tenancy/statements/read-clock.ts";
import { updateRetention } from "../../src/tenancy/statements/update-retention.ts";
import { firstDay, heartRate, type StatementWorld, size, steps } from "./world.ts";

/** A statement with something to do. */
export interface StatementCase {
  /** The statement's name in the source. */
  readonly name: string;
  /** What it does in this case. */
  readonly what: string;
  readonly plane: "data" | "control";
  readonly statement: Statement<readonly unknown[], unknown>;
  /** Rows that it must return, or the case is not what it says. */
  readonly rows: number;
  /** Its values, for one of two (0 or 1) who have the same. */
  readonly values: (who: number) => readonly unknown[];
  /** Large tables that it reads from end to end, for a reason that its comment gives. */
  readonly mayScan: readonly string[];
}

const control = { plane: "control" } as const;

const minute = 60;
const firstSecond = Date.parse(`${firstDay}T00:00:00Z`) / 1_000;
const firstCivilDay = firstSecond / 86_400;
/** A day in the middle of those that there are samples of. */
const middle = new Date((firstSecond + 15 * 86_400) * 1_000).toISOString();

function range<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

const text = (values: readonly (number | bigint)[]) => `{${values.join()}}`;

/** Every statement of the service. */
export function statementCases({ employeeIds, tenantId }: StatementWorld): StatementCase[] {
  const cases: StatementCase[] = [];
  const idOf = (who: number) => employeeIds[who] ?? "";
  /** Of employees with nothing but their row; the two are a hundred apart. */
  const externalIds = (count: number) => (who: number) => range(count, (n) => `E-${5_000 + who * 100 + n}`);

  function add<Values extends readonly unknown[] | [], Row>(
    names: Record<string, Statement<Values, Row>>,
    what: string,
    rows: number,
    values: (who: number) => Readonly<Values>,
    { plane = "data", mayScan = [] }: Partial<Pick<StatementCase, "plane" | "mayScan">> = {},
  ): void {
    for (const [name, statement] of Object.entries(names)) {
      cases.push({
        name,
        what,
        plane,
        mayScan,
        rows,
        values,
        statement: statement as Statement<readonly unknown[], unknown>,
      });
    }
  }

  add({ getEmployee }, "one", 1, (who) => [idOf(who)]);
  add({ getEmployeeByExternalId }, "one", 1, (who) => [`E-${5_000 + who}`]);
  add({ findEmployeeNo }, "one", 1, (who) => [idOf(who)]);
  add({ listEmployees }, "a page of 51", 51, (who) => [4_000 + who * 100, 51, null, null]);
  add({ lockEmployees }, "100", 100, (who) => [externalIds(100)(who)]);
  add({ insertEmployees }, "one", 1, (who) => newEmployees(1, who));
  add({ insertEmployees }, "1,000", 1_000, (who) => newEmployees(1_000, who));
  add({ updateEmployees }, "one", 1, (who) => changedEmployees(1, who));
  add({ updateEmployees }, "100", 100, (who) => changedEmployees(100, who), { mayScan: ["employees"] });
  add({ lockCounters }, "both counters", 2, () => []);
  add({ countEmployeesIn }, "both counters", 0, () => [1]);
  add({ allotEmployeeNo }, "both counters", 2, () => []);
  add({ countEmployeeOut }, "a counter", 0, () => []);

  add({ getLogEntry }, "one", 1, (who) => [idOf(who), "entry-00501"]);
  add({ listNewestLogEntries }, "a page of 51", 51, (who) => [idOf(who), 51]);
  const all = ["-infinity", "infinity"] as const;
  add({ listLogEntries }, "a page of 51", 51, (who) => [idOf(who), [], ...all, "2025-06-01", "", 51]);
  add({ listLogEntries }, "a page of 51 of one type of five", 51, (who) => [
    idOf(who),
    [2],
    ...all,
    "2025-06-01",
    "",
    51,
  ]);
  add({ putLogEntry }, "a new one", 1, (who) => newEntry(idOf(who), `new-${who}`));
  add({ putLogEntry }, "a higher version of one", 1, (who) => newEntry(idOf(who), "entry-00501"));
  add({ deleteLogEntry }, "one", 1, (who) => [idOf(who), "entry-00501"]);

  const none = { time: null, kind: null, source: null } as const;
  for (const limit of [51, 1_441]) {
    add({ listSamples }, `a page of ${limit.toLocaleString("en")} of four sources`, limit, (who) => [
      ...([idOf(who), [heartRate], null, null, null, none.time, none.kind, none.source, limit] as const),
    ]);
  }
  for (const count of [1, 1_000]) {
    add({ putSamples }, `${count.toLocaleString("en")} new, of one day`, 1, (who) =>
      newSamples(idOf(who), count, 31, 1),
    );
  }
  add({ putSamples }, "1,000 that are stored", 1, (who) => newSamples(idOf(who), 1_000, 10, 1));
  add({ putSamples }, "1,000 higher versions", 1, (who) => newSamples(idOf(who), 1_000, 10, 2));
  add({ findStaleSamples }, "1,000 that are stored, in the same version", 20, (who) => {
    const [id, slugs, daily, kinds, starts, sources, versions] = newSamples(idOf(who), 1_000, 10, 1);
    return [id, slugs, daily, kinds, starts, sources, versions, range(1_000, (n) => n + 1)];
  });
  add({ deleteSamplesByKey }, "1,000, of two days", 1, (who) => {
    const [id, slugs, daily, kinds, starts, sources, versions] = newSamples(idOf(who), 1_000, 10, 1);
    return [id, slugs, daily, kinds, starts, sources, wakingKinds, versions];
  });
  const allOfSource = (who: number) =>
    [idOf(who), heartRate, "2025-01-01Z", "2026-01-01Z", "source_1", false, false] as const;
  add({ deleteSamplesInRange }, "a step of 5,000", 1, (who) => [...allOfSource(who)]);
  add({ wipeKeptDays }, "100 kept days", 0, (who) => {
    const [id, , ...others] = allOfSource(who);
    return [id, steps, ...others];
  });
  add({ lockStaleDays }, "ten stale days of four sources", 40, (who) => [
    ...([idOf(who), heartRate, firstCivilDay, firstCivilDay + size.days, 100] as const),
  ]);
  for (const days of [1, 10]) {
    add({ computeDays }, `${days === 1 ? "a day" : "ten days"} of four sources with 720 samples each`, 0, (who) => {
      const pairs = range(days * size.sources, (n) => [firstCivilDay + 20 + Math.floor(n / 4), (n % 4) + 1] as const);
      return [idOf(who), heartRate, pairs.map(([day]) => day), pairs.map(([, source]) => source), false];
    });
  }
  add({ aggregateSampleDays }, "a year of four sources, by weeks", 53, (who) => [
    ...([idOf(who), [steps], firstCivilDay, firstCivilDay + size.stepDays, "week", null, [steps]] as const),
  ]);
  add({ findSources }, "four", 4, () => [range(4, (n) => `source_${n + 1}`), range(4, () => false)]);
  add({ lockSourceCounter }, "the counter", 1, () => []);
  add({ insertSources }, "one", 0, (who) => [[`new_${who}`], [false], size.sources + who]);
  add({ setSourceCounter }, "the counter", 0, () => [9]);

  add({ exportLogEntries }, "500", 500, (who) => [idOf(who), "entry-00200", 500]);
  add({ exportDeletedLogEntries }, "all 20 among 1,000 entries", 20, (who) => [idOf(who), "", 1_000]);
  add({ exportSamples }, "1,000", 1_000, (who) => [idOf(who), heartRate, 2, middle, 1_000]);
  add({ exportDeletedSamples }, "all 1,728 among 86,400 samples", 1_728, (who) => [
    idOf(who),
    0,
    0,
    "-infinity",
    2_000,
  ]);
  add({ exportKeptDays }, "all 400 among 1,580 days", 400, (who) => [idOf(who), 0, 0, 0, 1_000]);

  add({ countDataLogins }, "all of one", 1, () => [], control);
  add({ findCompanies }, "ten", 10, (who) => [range(10, (n) => companyOf(who * 10 + n + 20))], control);
  add({ getCompany }, "one", 1, (who) => [companyOf(20 + who)], control);
  add({ findTakenCompanies }, "one by its id", 1, (who) => [companyOf(20 + who), "X-unknown", randomUUID()], control);
  add({ listCompanies }, "a page of 51", 51, (who) => [companyOf(20 + who), 51, canaryTenantId], control);
  add({ updateRetention }, "one", 1, (who) => [companyOf(20 + who), 12, null], control);
  add({ insertCompany }, "one, with its vault", 1, (who) => [`new-${who}`, "New", "", randomUUID()], control);
  add({ purgeExpiredStep }, "1,000 samples", 1, (who) => [tenantId, who, 1_000, false], control);
  add(
    { purgeExpiredStep },
    "a step that looks at 100 employees and removes nothing",
    1,
    (who) => [tenantId, 5_000 + who, 1_000, false],
    control,
  );
  add(
    { purgeExpiredStep },
    "a step that looks at 100 employees, 90 of them with entries, and removes nothing",
    1,
    (who) => [tenantId, 10 + who, 1_000, false],
    control,
  );
  add({ readClock }, "the clock", 1, () => []);
  return cases;
}

function companyOf(n: number): string {
  return `company-${String(n).padStart(5, "0")}`;
}

function newEmployees(count: number, who: number) {
  const each = (make: (n: number) => string) => range(count, make);
  const id = (n: number) => `new-${who}-${n}`;
  return [
    ...([size.employees + who * count, new Date(0).toISOString()] as const),
    ...([each(() => randomUUID()), each(id), each(id), each(id), each(id), each(() => "Europe/Berlin")] as const),
    range(count, () => 1),
  ] as [number, string, string[], string[], string[], string[], string[], string[], number[]];
}

function changedEmployees(count: number, who: number) {
  const each = () => range(count, (n) => `text ${n}`);
  return [
    ...([new Date(0).toISOString(), range(count, (n) => 5_000 + who * count + n)] as const),
    ...([each(), each(), each(), each(), range(count, () => 1)] as const),
  ] as [string, number[], string[], string[], string[], string[], number[]];
}

function newEntry(employeeId: string, entryId: string) {
  const detail = '{"mood": {"valence": 1.5, "labels": ["calm", "content"]}}';
  return [
    ...([employeeId, entryId, 2, firstSecond + 500 * 86_400, null, 60, "app", "2"] as const),
    ...(["slept well, a little tired", detail] as const),
  ] as [string, string, number, number, null, number, string, string, string, string];
}

/** Samples of the first source, one every other minute from the start of a day on. */
function newSamples(employeeId: string, count: number, day: number, version: number): SampleArrays {
  const each = (value: number) => text(range(count, () => value));
  return [
    ...([employeeId, ["source_1"], [false], each(heartRate)] as const),
    text(range(count, (n) => firstSecond + day * 86_400 + n * 2 * minute)),
    ...([each(1), each(version), each(60), each(0), each(0), each(0), wakingKinds] as const),
  ];
}

import type { Employee } from "../../../src/gen/wellvault/v1/employee_pb.ts";
import type { LogEntry } from "../../../src/gen/wellvault/v1/log_entry_pb.ts";
import type { MetricSample } from "../../../src/gen/wellvault/v1/metric_pb.ts";
import type { Ledger } from "./ledger.ts";

/** What came out of the check of rows. */
export interface RowChecks {
  /** Rows that were looked at. */
  rows: number;
  /** What is wrong, a sentence each. */
  readonly violations: string[];
}

/** Makes a check that has looked at nothing yet. */
export function newChecks(): RowChecks {
  return { rows: 0, violations: [] };
}

function foreign(checks: RowChecks, ledger: Ledger, where: string, what: string): void {
  checks.violations.push(`foreign row: ${where}, called for company ${ledger.index}, has ${what}`);
}

/** Checks that employees are the company's own. */
export function checkEmployees(checks: RowChecks, ledger: Ledger, where: string, rows: readonly Employee[]): void {
  for (const { externalId, displayName, team } of rows) {
    checks.rows++;
    for (const text of [externalId, displayName, team]) {
      if (!text.startsWith(`${ledger.stamp} `)) foreign(checks, ledger, where, `an employee "${text}"`);
    }
  }
}

/** Checks that log entries are the company's own, and each is what was sent as its version. */
export function checkEntries(checks: RowChecks, ledger: Ledger, where: string, rows: readonly LogEntry[]): void {
  for (const { entryId, note, source, version, detail } of rows) {
    checks.rows++;
    const title = detail.case === "journal" ? detail.value.title : "";
    if (source !== ledger.stamp || title !== ledger.stamp || note !== ledger.note(entryId, Number(version))) {
      foreign(checks, ledger, where, `an entry "${note}" of source ${source}`);
    }
  }
}

/** Checks that samples are the company's own, and each is what was sent as its version. */
export function checkSamples(checks: RowChecks, ledger: Ledger, where: string, rows: readonly MetricSample[]): void {
  for (const { source, value, version } of rows) {
    checks.rows++;
    if (source !== ledger.stamp || !ledger.isValue(value, Number(version))) {
      foreign(checks, ledger, where, `a sample ${value} of source ${source}`);
    }
  }
}

import type { FinalCounts } from "./final-check.ts";

/** What came of a storm. */
export interface StormSummary extends FinalCounts {
  readonly tenants: number;
  readonly calls: number;
  /** Calls that were asked for and not made, because the time was over. */
  readonly callsLeft: number;
  /** How long the calls took. */
  readonly seconds: number;
  readonly callsPerSecond: number;
  /** Calls by kind and how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Rows in the answers of the storm, all of them looked at. */
  readonly rowsInAnswers: number;
  /** What was wrong, a sentence each. Empty when everything held. */
  readonly violations: readonly string[];
}

/** Violations that are printed; the rest is counted. */
const shown = 20;

/** Puts a summary into lines for people. */
export function describeStorm(summary: StormSummary): string {
  const { acknowledged, violations, outcomes } = summary;
  const width = Math.max(...Object.keys(outcomes).map((name) => name.length));
  const lines = [
    ...Object.entries(outcomes).map(([name, count]) => `  ${name.padEnd(width)} ${String(count).padStart(8)}`),
    "",
    `${summary.calls} calls of ${summary.tenants} companies in ${summary.seconds.toFixed(1)} s, ` +
      `${summary.callsPerSecond.toFixed(0)} a second`,
    ...(summary.callsLeft > 0 ? [`${summary.callsLeft} calls were not made: the time was over`] : []),
    `${summary.rowsInAnswers} rows in answers and ${summary.rowsInTables} rows in tables looked at`,
    `acknowledged: ${acknowledged.employees} employees, ${acknowledged.entries} log entries, ` +
      `${acknowledged.samples} samples; lost: ${summary.lost}`,
    violations.length === 0 ? "No foreign row, and nothing lost." : `${violations.length} VIOLATIONS:`,
    ...violations.slice(0, shown).map((violation) => `  ${violation}`),
    ...(violations.length > shown ? [`  and ${violations.length - shown} more`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

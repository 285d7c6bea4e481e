/** What a check that did not pass means: a wall has a hole, or something to know. */
export type Severity = "finding" | "note";

/** One thing that is looked at, as an auditor reads of it. */
export interface CheckInfo {
  /** Stable name, such as `row-security`; for a query of the catalogue, its file in `sql/verify`. */
  readonly id: string;
  /** What holds when the check passes. */
  readonly title: string;
  /** What it means when it does not hold, and what to do then. */
  readonly remedy: string;
  readonly severity: Severity;
}

/** One thing that is not as it must be. */
export interface Finding {
  /** The tenant whose vault it concerns; null for none. The report is for the auditor, so it is told. */
  readonly tenantId: string | null;
  /** What it was found on. */
  readonly object: string;
  /** What is wrong with it. */
  readonly problem: string;
}

/** How a check was done. */
export interface How {
  /** What was done, in words, or the file of the query. */
  readonly description: string;
  /** SHA-256 of the statement that was run; undefined when it was not one statement. */
  readonly sha256?: string | undefined;
}

/** What one check found. */
export interface CheckResult extends CheckInfo {
  readonly how: How;
  /** `not_run` when it could not be done, which counts as a finding. */
  readonly result: "passed" | "failed" | "not_run";
  /** Objects looked at. */
  readonly examined: number;
  readonly durationMs: number;
  /** Things found in all; {@link findings} holds the first of them. */
  readonly findingCount: number;
  readonly findings: readonly Finding[];
}

/** Findings of one check that a report tells one by one. */
export const maxFindings = 1_000;

/** Returns the result of a check that was done. */
export function doneCheck(
  check: CheckInfo,
  how: How,
  { examined, startedAt, findings }: { examined: number; startedAt: number; findings: readonly Finding[] },
): CheckResult {
  return {
    ...check,
    how,
    result: findings.length > 0 ? "failed" : "passed",
    examined,
    durationMs: Math.round(performance.now() - startedAt),
    findingCount: findings.length,
    findings: findings.slice(0, maxFindings),
  };
}

/** Returns the result of a check that could not be done: it is a finding itself. */
export function notRun(check: CheckInfo, how: How, startedAt: number, error: unknown): CheckResult {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    ...check,
    how,
    result: "not_run",
    examined: 0,
    durationMs: Math.round(performance.now() - startedAt),
    findingCount: 1,
    findings: [{ tenantId: null, object: "this check", problem: `could not be done: ${reason}` }],
  };
}

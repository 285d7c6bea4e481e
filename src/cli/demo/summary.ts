import type { BadRow } from "../../importers/imported-sample.ts";
import { noCounts, type SampleCounts } from "../../importers/push-samples.ts";
import { type Attempt, held } from "./attempts.ts";
import { companies, companyOf } from "./companies.ts";
import type { Expectation } from "./expectation.ts";
import type { ImportResult } from "./import-data.ts";
import type { Comparison } from "./read-back.ts";

/** What the demo found out. Printed as it is by `--json`. */
export interface DemoSummary {
  /** Whether every step held. */
  readonly ok: boolean;
  /** Folder of the export. */
  readonly data: string;
  readonly companies: readonly CompanySummary[];
  readonly firstImport: ImportSpeed;
  readonly secondImport: ImportSpeed;
  readonly attempts: readonly (Attempt & { readonly held: boolean })[];
  /** Rows that cannot be read; when there are any, nothing was imported. */
  readonly badRows: readonly BadRow[];
  /** What did not hold, a sentence each. */
  readonly problems: readonly string[];
}

/** A company in the summary. */
export interface CompanySummary {
  readonly tenantId: string;
  readonly employees: number;
  /** Samples read back after both imports. */
  readonly samples: number;
  readonly samplesByKind: Readonly<Record<string, number>>;
  readonly firstImport: SampleCounts;
  readonly secondImport: SampleCounts;
}

/** How fast an import was. */
export interface ImportSpeed {
  /** Samples sent. */
  readonly samples: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
}

/** What the steps of the demo brought. */
export interface DemoResults {
  readonly data: string;
  readonly expectation: Expectation;
  readonly first: ImportResult;
  readonly second: ImportResult;
  /** Comparisons by tenant id. */
  readonly comparisons: ReadonlyMap<string, Comparison>;
  readonly attempts: readonly Attempt[];
}

/** Judges the results and sums them up. */
export function summarize(results: DemoResults): DemoSummary {
  const problems = [
    ...companies.flatMap(({ tenantId }) => judge(tenantId, results)),
    ...judgeAttempts(results.attempts),
  ];
  return {
    ok: problems.length === 0,
    data: results.data,
    companies: companies.map(({ tenantId }) => {
      const byKind = results.comparisons.get(tenantId)?.byKind ?? new Map<string, number>();
      return {
        tenantId,
        employees: results.first.people.filter(({ company }) => company.tenantId === tenantId).length,
        samples: sum(byKind.values()),
        samplesByKind: Object.fromEntries([...byKind].sort(([a], [b]) => (a < b ? -1 : 1))),
        firstImport: results.first.counts.get(tenantId) ?? noCounts,
        secondImport: results.second.counts.get(tenantId) ?? noCounts,
      };
    }),
    firstImport: speedOf(results.first),
    secondImport: speedOf(results.second),
    attempts: results.attempts.map((attempt) => ({ ...attempt, held: held(attempt) })),
    badRows: [],
    problems,
  };
}

/** The summary of a demo that stopped because of rows that cannot be read. */
export function summarizeBadRows(data: string, badRows: readonly BadRow[]): DemoSummary {
  const nothing = { samples: 0, seconds: 0, samplesPerSecond: 0 };
  const problems = [`${badRows.length} ${badRows.length === 1 ? "row" : "rows"} cannot be read; nothing was imported`];
  return {
    ok: false,
    data,
    companies: [],
    firstImport: nothing,
    secondImport: nothing,
    attempts: [],
    badRows,
    problems,
  };
}

function judge(tenantId: string, { expectation, first, second, comparisons }: DemoResults): string[] {
  const own = [...expectation.people].filter(([externalId]) => companyOf(externalId).tenantId === tenantId);
  const distinct = sum(own.map(([, samples]) => samples.size));
  const read = sum(own.map(([externalId]) => expectation.read.get(externalId) ?? 0));
  const comparison = comparisons.get(tenantId);
  const kinds = new Set([...(comparison?.byKind.keys() ?? []), ...(comparison?.expectedByKind.keys() ?? [])]);
  return [
    ...unlike(`${tenantId}, first import`, first.counts.get(tenantId), {
      inserted: distinct,
      replaced: 0,
      unchanged: read - distinct,
      stale: 0,
    }),
    ...unlike(`${tenantId}, second import`, second.counts.get(tenantId), {
      inserted: 0,
      replaced: 0,
      unchanged: read,
      stale: 0,
    }),
    ...[...kinds].flatMap((kind) => {
      const expected = comparison?.expectedByKind.get(kind) ?? 0;
      const found = comparison?.byKind.get(kind) ?? 0;
      return expected === found ? [] : [`${tenantId} returns ${found} samples of ${kind}; the files hold ${expected}`];
    }),
    ...unlike(
      `${tenantId}, samples read back`,
      comparison && { missing: comparison.missing, surplus: comparison.surplus, different: comparison.different },
      { missing: 0, surplus: 0, different: 0 },
    ),
  ];
}

function unlike<T extends object>(what: string, found: T | undefined, expected: T): string[] {
  if (!found) return [`${what}: there is no result`];
  return Object.entries(expected).flatMap(([name, value]) => {
    const other: unknown = Reflect.get(found, name);
    return other === value ? [] : [`${what}: ${other} ${name}, expected ${value}`];
  });
}

function judgeAttempts(attempts: readonly Attempt[]): string[] {
  return attempts
    .filter((attempt) => !held(attempt))
    .map(({ what, expected, answered }) => `${what}: ${answered}, expected ${expected}`);
}

function speedOf({ counts, seconds }: ImportResult): ImportSpeed {
  const samples = sum([...counts.values()].flatMap((count) => Object.values(count)));
  return { samples, seconds: Number(seconds.toFixed(3)), samplesPerSecond: Math.round(samples / seconds) };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

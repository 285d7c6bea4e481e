import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Statement } from "../../src/database/statement.ts";
import { computeDays } from "../../src/metrics/statements/compute-days.ts";
import { deleteSamplesInRange, samplesOfStep } from "../../src/metrics/statements/delete-samples-in-range.ts";
import { listSamples } from "../../src/metrics/statements/list-samples.ts";
import { exportSamples } from "../../src/privacy/statements/export-samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let employeeId: string;
const sources = 4;
const days = 15;
const total = days * 1_440 * 2;

beforeAll(async () => {
  service = await startTestService();
  const tenant = await service.provision();
  employeeId = await service.hire(tenant);
  const { admin } = service.database;
  const { rows } = await admin.query("select vault::text from control.companies where tenant_id = $1", [tenant]);
  await admin.query(`set search_path = ${admin.escapeIdentifier(rows[0].vault)}`);
  await admin.query(
    "insert into sample_sources (source_no, slug, daily) select n, 's' || n, false from generate_series(1, 4) as n",
  );
  // Two samples a minute, of one source after the other.
  await admin.query(
    `insert into samples (employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method)
     select e.employee_no, 11, timestamptz '2026-01-01Z' + n * interval '30 seconds', n % $2 + 1, 1, 60, 0, 0, 0
     from employees as e cross join generate_series(0, $1 - 1) as n`,
    [total, sources],
  );
  await admin.query(
    `insert into sample_days (employee_no, kind, civil_day, source_no)
     select distinct employee_no, kind, start_time::date, source_no from samples`,
  );
  await admin.query("analyze samples, sample_days, sample_sources, employees");
});
afterAll(() => service.close());

interface Plan {
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Node Type": string;
  readonly Plans?: readonly Plan[];
}

/** How many samples the scans of a statement look at, changing nothing. */
async function samplesRead<Values extends readonly unknown[], Row>(
  { text }: Statement<Values, Row>,
  values: Values,
): Promise<number> {
  const { admin } = service.database;
  await admin.query("begin");
  try {
    const { rows } = await admin.query(`explain (analyze, timing off, format json) ${text}`, [...values]);
    const read = (plan: Plan): number => {
      const isScan = plan["Relation Name"] === "samples" && plan["Node Type"].endsWith("Scan");
      const own = isScan ? (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"] : 0;
      return own + (plan.Plans ?? []).reduce((sum, below) => sum + read(below), 0);
    };
    return read(rows[0]["QUERY PLAN"][0].Plan);
  } finally {
    await admin.query("rollback");
  }
}

describe("with their values known, as the service plans them,", () => {
  test("a step of a deletion looks at its own samples, not at all that there are", async () => {
    const values = [employeeId, 11, "2026-01-01", "2027-01-01", "s1", false, false] as const;
    const read = await samplesRead(deleteSamplesInRange, [...values]);
    // Once to lock them, and once to change them.
    expect(total / sources).toBeGreaterThan(samplesOfStep);
    expect(read).toBe(2 * samplesOfStep);
  });

  test("a page looks at as many samples of each source as it may hold, wherever it begins", async () => {
    const size = 50;
    const after = ["2026-01-08 00:00:00Z", 11, 3] as const;
    const first = await samplesRead(listSamples, [employeeId, [11], null, null, null, null, null, null, size]);
    const later = await samplesRead(listSamples, [employeeId, [11], null, null, null, ...after, size]);
    const ofOne = await samplesRead(listSamples, [employeeId, [11], null, null, "s2", null, null, null, size]);
    // And one to find each source. At the time of the page's beginning there is a sample of one source.
    expect(first).toBe(sources * (size + 1));
    expect(later).toBeLessThanOrEqual(first + 1);
    expect(ofOne).toBe(sources + size);
  });

  test("a page of an export looks at its own samples", async () => {
    const read = await samplesRead(exportSamples, [employeeId, 11, 2, "2026-01-08", 1_000]);
    expect(read).toBe(1_000);
  });

  test("days are computed by one look at their samples, however many sources these have", async () => {
    const first = Date.UTC(2026, 0, 1) / 86_400_000;
    const pairs = Array.from({ length: days * sources }, (_, n) => ({
      day: first + Math.floor(n / sources),
      source: (n % sources) + 1,
    }));
    const read = await samplesRead(computeDays, [
      employeeId,
      11,
      pairs.map(({ day }) => day),
      pairs.map(({ source }) => source),
      false,
    ]);
    // And one look-up of the latest sample for each day and source.
    expect(read).toBe(total + pairs.length);
  });
});

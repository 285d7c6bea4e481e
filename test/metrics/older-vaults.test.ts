import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMigrations, sqlFolder } from "../../src/database/migrations.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { as } from "../support/clients.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { migrateForTest } from "../support/migrate.ts";
import { startTestService, type TestService } from "../support/service.ts";

/** The last tenant migration before days are kept beside samples. */
const lastWithoutDays = 5;
const tenant = "older";
const employeeId = "01900000-0000-7000-8000-000000000001";

let database: TestDatabase;
let service: TestService;
beforeAll(async () => {
  database = await createTestDatabase();
  const migrations = await readMigrations(join(sqlFolder, "tenant"));
  await migrateForTest(database.url, { tenantMigrations: migrations.slice(0, lastWithoutDays) });
  const { admin } = database;
  await admin.query("insert into control.companies (tenant_id, display_name) values ($1, 'Older')", [tenant]);
  const { rows } = await admin.query("select vault::text from control.companies where tenant_id = $1", [tenant]);
  await admin.query(`set search_path = ${admin.escapeIdentifier(rows[0].vault)}`);
  await admin.query("insert into employees (employee_no, employee_id, external_id) values (1, $1, 'E-1')", [
    employeeId,
  ]);
  await admin.query("insert into sample_sources values (1, 'watch', false), (2, 'watch', true), (3, 'ring', false)");
  await admin.query("update counters set last_value = 3 where name = 'sample_source'");
  await admin.query("update counters set last_value = 1 where name like '%employee'");
  await admin.query(
    `insert into samples (
       employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
     ) values
       -- A walk before midnight in UTC, and after it where it was taken.
       (1, 1, '2026-01-05T23:30Z', 1, 1, 100, 600, 60, 0),
       (1, 1, '2026-01-05T23:30Z', 3, 1, 40, 600, -60, 0),
       -- A day's total, and what lies within the day.
       (1, 1, '2026-01-07T00:00Z', 2, 1, 900, 0, 0, 0),
       (1, 1, '2026-01-07T08:00Z', 1, 1, 950, 600, 0, 0),
       -- A night, which is of the day of waking, and a night's total, which is of its own.
       (1, 9, '2026-01-05T22:00Z', 1, 1, 420, 28800, 0, 0),
       (1, 9, '2026-01-09T00:00Z', 2, 1, 400, 86400, 0, 0),
       (1, 11, '2026-01-05T08:00Z', 1, 1, 60, 0, 0, 0),
       (1, 11, '2026-01-05T09:00Z', 3, 1, 80, 0, 0, 0)`,
  );
  service = await startTestService({}, database);
});
afterAll(async () => {
  await service.close();
  await database.drop();
});

test("samples that were stored before days were kept count for the days that they belong to", async () => {
  const { buckets } = await service.clients.metrics.aggregateSamples(
    {
      employeeId,
      kinds: ["steps", "sleep_duration", "heart_rate"],
      period: CalendarPeriod.DAY,
      startDate: "2026-01-01",
      endDate: "2026-02-01",
    },
    as("employee", tenant, employeeId),
  );
  expect(buckets.map(({ kind, startDate, sum, mean }) => [kind, startDate, sum ?? mean])).toEqual([
    ["steps", "2026-01-05", 40],
    ["steps", "2026-01-06", 100],
    ["steps", "2026-01-07", 900],
    ["sleep_duration", "2026-01-06", 420],
    ["sleep_duration", "2026-01-09", 400],
    ["heart_rate", "2026-01-05", 70],
  ]);
});

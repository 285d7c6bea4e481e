import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateExport } from "../../bench/import/generate-export.ts";
import { CalendarPeriod } from "../../src/gen/wellvault/v1/metric_statistics_pb.ts";
import { as } from "../support/clients.ts";
import { spawnCommand } from "../support/command.ts";
import { runImport, runImportJson, samplesOf } from "../support/import-command.ts";
import { type NetworkProxy, startProxy } from "../support/proxy.ts";
import { startTestService, type TestService } from "../support/service.ts";

const fixture = join(import.meta.dirname, "../fixtures/apple-health/export.xml");

let service: TestService;
let proxy: NetworkProxy;
let folder: string;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  proxy = await startProxy(service.address);
  folder = await mkdtemp(join(tmpdir(), "wellvault-import-"));
  tenant = await service.provision();
});
afterAll(async () => {
  await proxy.close();
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

const toAppleHealth = (file: string, employee: string, ...rest: string[]) => {
  const where = ["--address", service.address, "--tenant", tenant, "--progress-file", join(folder, "progress.json")];
  return ["apple-health", file, "--employee", employee, ...where, ...rest];
};

test("an export is stored once: devices apart, corrections in place, nights on the day of waking", async () => {
  const employeeId = await service.hire(tenant, "ada");
  const bystander = await service.hire(tenant, "grace");
  const first = await runImportJson(toAppleHealth(fixture, "ada"), spawnCommand);
  expect(first).toMatchObject({ status: 0 });
  // Steps and resting heart rate of the watch come a second time, corrected.
  expect(first.summary).toMatchObject({ inserted: 26, replaced: 0, unchanged: 0, stale: 2, accepted: 28, refused: 0 });
  expect(Object.values(first.summary.passedOver).reduce((sum, count) => sum + count, 0)).toBe(8);
  const samples = await samplesOf(service, tenant, employeeId);
  const of = (kind: string) =>
    samples.filter((one) => one.kind === kind).map(({ value, source, civilDate }) => [value, source, civilDate]);
  expect(of("steps").sort()).toEqual([
    [812, "apple_health_iphone11_2", "2019-09-06"],
    [845, "apple_health_watch4_4", "2019-09-06"],
  ]);
  expect(of("resting_heart_rate")).toEqual([[56, "apple_health_watch4_4", "2019-09-06"]]);
  expect(of("sleep_duration")).toEqual([[450, "apple_health_watch4_4", "2019-09-06"]]);
  expect(of("mindful_minutes")).toEqual([[10, "apple_health_headspace", "2019-09-07"]]);
  expect(of("blood_pressure_systolic")).toHaveLength(1);

  // Phone and watch counted the same walk: the day has the steps of one of them, not of both.
  const request = {
    employeeId,
    kinds: ["steps"],
    period: CalendarPeriod.DAY,
    startDate: "2019-09-06",
    endDate: "2019-09-07",
  };
  const { buckets } = await service.clients.metrics.aggregateSamples(request, as("employee", tenant, employeeId));
  expect(buckets.map(({ startDate, sum }) => [startDate, sum])).toEqual([["2019-09-06", 845]]);

  const again = await runImportJson(toAppleHealth(fixture, "ada"));
  expect(again.summary).toMatchObject({ inserted: 0, replaced: 0, unchanged: 26, stale: 2, refused: 0 });
  expect(await samplesOf(service, tenant, employeeId)).toEqual(samples);
  expect(await samplesOf(service, tenant, bystander)).toEqual([]);
});

test("a later export replaces what changed since, and an earlier one after it changes nothing back", {
  timeout: 90_000,
}, async () => {
  const employeeId = await service.hire(tenant, "joan");
  const text = await readFile(fixture, "utf8");
  const later = text
    .replace('ExportDate value="2019-09-20', 'ExportDate value="2019-10-20')
    // The night went on after the first export.
    .replace(
      'endDate="2019-09-06 06:30:00 -0400" value="HKCategoryValueSleepAnalysisAsleepUnspecified"',
      'endDate="2019-09-06 07:00:00 -0400" value="HKCategoryValueSleepAnalysisAsleepUnspecified"',
    );
  const file = join(folder, "later.xml");
  await writeFile(file, later);
  await runImportJson(toAppleHealth(fixture, "joan"));
  const { summary } = await runImportJson(toAppleHealth(file, "joan"));
  // What is gathered of several records, two of sleep and two of food and drink, is as new as the export.
  expect(summary).toMatchObject({ inserted: 0, replaced: 4, unchanged: 22, stale: 2 });
  expect((await runImportJson(toAppleHealth(fixture, "joan"))).summary).toMatchObject({
    inserted: 0,
    replaced: 0,
    stale: 6,
  });
  const night = (await samplesOf(service, tenant, employeeId)).find(({ kind }) => kind === "sleep_duration");
  expect(night).toMatchObject({ value: 480, civilDate: "2019-09-06" });
});

test("an export of several chunks that is cut off on its way arrives whole, with the sums of one run", {
  timeout: 120_000,
}, async () => {
  const file = join(folder, "large.xml");
  await pipeline(generateExport(6_000_000), createWriteStream(file));
  const whole = await service.hire(tenant, "whole");
  const cut = await service.hire(tenant, "cut");
  const { summary } = await runImportJson(toAppleHealth(file, "whole"));
  expect(summary.accepted).toBeGreaterThan(11_000);

  const args = toAppleHealth(file, "cut", "--address", proxy.address, "--retry-seconds", "0");
  let runs = 0;
  for (; runs < 20; runs++) {
    proxy.cutAfter(400_000);
    const run = await runImport(args);
    if (run.status === 0) break;
    expect(run.stderr).toContain("goes on from there");
    proxy.open();
    const progress = JSON.parse(await readFile(join(folder, "progress.json"), "utf8")) as { position: number };
    // The first chunk is through: go on without further failures.
    if (progress.position > 0) break;
  }
  expect(runs).toBeGreaterThan(0);
  const last = await runImportJson(args);
  // What was stored while its answer was lost is unchanged when it is sent again.
  const { inserted, unchanged, accepted, stale, refused, passedOver } = last.summary;
  expect(last.summary.resumed).toBe(true);
  expect(inserted + unchanged).toBe(summary.inserted + summary.unchanged);
  expect(unchanged - summary.unchanged).toBeLessThanOrEqual(1_000 * (runs + 1));
  expect({ accepted, stale, refused, passedOver }).toEqual({
    ...{ accepted: summary.accepted, stale: summary.stale, refused: summary.refused },
    passedOver: summary.passedOver,
  });
  expect(await samplesOf(service, tenant, cut)).toEqual(await samplesOf(service, tenant, whole));
});

test("a file that breaks off ends with 1, its line and what stood before it stored", {
  timeout: 90_000,
}, async () => {
  const employeeId = await service.hire(tenant, "edsger");
  const text = await readFile(fixture, "utf8");
  const file = join(folder, "broken.xml");
  await writeFile(file, text.slice(0, text.indexOf("HKQuantityTypeIdentifierVO2Max")));
  const { status, summary, stderr } = await runImportJson(toAppleHealth(file, "edsger"));
  expect(status).toBe(1);
  expect(summary).toMatchObject({ complete: false, refused: 0, inserted: 17 });
  expect(stderr).toMatch(/broken\.xml:120: is no well-formed XML: .*no sleep, food or drink of it is imported/);
  expect(await samplesOf(service, tenant, employeeId)).toHaveLength(17);
  expect(await runImport(toAppleHealth(join(folder, "none.xml"), "edsger"))).toMatchObject({ status: 2 });
});

test("somebody who is not on the roster gets nothing, and nobody is made", async () => {
  const { status, summary } = await runImportJson(toAppleHealth(fixture, "nobody"));
  expect(status).toBe(1);
  expect(summary).toMatchObject({ accepted: 0, refused: 28, complete: true });
  expect(summary.people).toEqual([{ externalId: "nobody", problem: "is no employee of the tenant", samples: 28 }]);
});

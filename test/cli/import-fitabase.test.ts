import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { as } from "../support/clients.ts";
import { spawnCommand } from "../support/command.ts";
import { type ImportSummary, runImport, runImportJson, samplesOf, startImport } from "../support/import-command.ts";
import { type NetworkProxy, startProxy } from "../support/proxy.ts";
import { startTestService, type TestService } from "../support/service.ts";

const excerpt = join(import.meta.dirname, "../fixtures/fitabase");
const sleeper = "1503960366";

let service: TestService;
let proxy: NetworkProxy;
let scratch: string;
let folder: string;
let externalIds: string[];
/** What a whole import of the excerpt into an empty tenant says, and stores. */
let whole: ImportSummary;
let stored: Map<string, unknown>;
let tenant: string;

beforeAll(async () => {
  service = await startTestService();
  proxy = await startProxy(service.address);
  scratch = await mkdtemp(join(tmpdir(), "wellvault-import-"));
  folder = join(scratch, "export");
  await cp(excerpt, folder, { recursive: true });
  const days = await readFile(join(excerpt, "dailyActivity_merged.csv"), "utf8");
  externalIds = [
    ...new Set(
      days
        .split("\n")
        .slice(1)
        .filter(Boolean)
        .map((line) => line.split(",")[0] ?? ""),
    ),
  ];
  tenant = await hireAll();
  whole = (await runImportJson(toFitabase(tenant, folder), spawnCommand)).summary;
  stored = await allSamples(tenant);
});
afterAll(async () => {
  await proxy.close();
  await service.close();
  await rm(scratch, { recursive: true, force: true });
});

const toFitabase = (to: string, from: string, ...rest: string[]) => {
  const where = ["--address", service.address, "--tenant", to];
  return ["fitabase", from, "--utc-offset-minutes", "-300", ...where, ...rest];
};

/** Provisions a tenant with everybody of the excerpt, but without somebody. */
async function hireAll(without = ""): Promise<string> {
  const id = await service.provision();
  const employees = externalIds.filter((externalId) => externalId !== without).map((externalId) => ({ externalId }));
  const request = { employees, updateMask: { paths: ["state"] } };
  await service.clients.employees.batchUpsertEmployees(request, as("company_admin", id));
  return id;
}

/** What is kept of each person of a tenant. */
async function allSamples(of: string): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  const { employees } = await service.clients.employees.listEmployees({}, as("company_admin", of));
  for (const { externalId, employeeId } of employees) {
    found.set(externalId, await samplesOf(service, of, employeeId));
  }
  return found;
}

/** Waits until a progress file says what is wanted of it. */
async function progressOf(file: string, wanted: (inserted: number) => Promise<boolean> | boolean): Promise<void> {
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => "");
    const inserted = text === "" ? 0 : (JSON.parse(text) as { counts: ImportSummary }).counts.inserted;
    if (inserted > 0 && (await wanted(inserted))) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Samples that a tenant has of everybody. */
async function countStored(of: string): Promise<number> {
  const lists = (await allSamples(of)).values() as Iterable<unknown[]>;
  return [...lists].reduce((sum, list) => sum + list.length, 0);
}

test("all five files arrive, and nights that stand twice in the file are there once", async () => {
  const rows = async (name: string) => (await readFile(join(excerpt, name), "utf8")).trim().split("\n").slice(1);
  const nights = await rows("sleepDay_merged.csv");
  const doubled = nights.length - new Set(nights).size;
  expect(doubled).toBe(3);
  const fat = (await rows("weightLogInfo_merged.csv")).filter((line) => line.split(",")[4] !== "").length;
  const samples =
    (await rows("dailyActivity_merged.csv")).length * 5 +
    (await rows("hourlySteps_merged.csv")).length +
    nights.length * 2 +
    (await rows("weightLogInfo_merged.csv")).length +
    fat +
    (await rows("heartrate_seconds_merged.csv")).length;
  expect(whole).toMatchObject({
    ...{ inserted: samples - doubled * 2, replaced: 0, unchanged: doubled * 2, stale: 0, accepted: samples },
    ...{ refused: 0, finished: true, complete: true, resumed: false, problems: [], people: [], passedOver: {} },
  });
  const mine = stored.get(sleeper) as { kind: string; civilDate: string; value: number }[];
  const nightsOfOne = new Set(nights.filter((line) => line.startsWith(sleeper)));
  expect(mine.filter(({ kind }) => kind === "sleep_duration")).toHaveLength(nightsOfOne.size);
  expect(mine).toContainEqual(expect.objectContaining({ kind: "sleep_duration", civilDate: "2016-04-12", value: 327 }));
  expect(await readdir(scratch)).toEqual(["export"]);
});

test("importing again changes nothing, and no other tenant gets anything", async () => {
  const other = await hireAll();
  const again = await runImportJson(toFitabase(tenant, folder));
  expect(again.status).toBe(0);
  expect(again.summary).toMatchObject({ inserted: 0, replaced: 0, unchanged: whole.accepted, stale: 0, refused: 0 });
  expect(await allSamples(tenant)).toEqual(stored);
  expect(await countStored(other)).toBe(0);
});

test("a dry run sends nothing, keeps no progress and says what would be refused", async () => {
  const to = await hireAll(sleeper);
  const dry = await runImport(toFitabase(to, folder, "--dry-run"));
  expect(dry.status).toBe(1);
  expect(dry.stdout).toMatch(
    /^Nothing was sent: \d+ would be sent, (\d+) refused\.\n {2}"\d+" is no employee of the tenant: \1 refused\n$/,
  );
  expect(dry.stderr).toContain(`"${sleeper}" is no employee of the tenant`);
  expect(await countStored(to)).toBe(0);
  expect(await readdir(scratch)).toEqual(["export"]);
});

test("people whom the tenant does not have, or who left, are named once and the rest goes on", async () => {
  const to = await hireAll(sleeper);
  const left = externalIds.find((externalId) => externalId !== sleeper) ?? "";
  const employees = [{ externalId: left, state: EmployeeState.OFFBOARDED }];
  const request = { employees, updateMask: { paths: ["state"] } };
  await service.clients.employees.batchUpsertEmployees(request, as("company_admin", to));
  const { status, summary, stderr } = await runImportJson(toFitabase(to, folder));
  expect(status).toBe(1);
  expect(summary.people.map(({ externalId, problem }) => [externalId, problem])).toEqual(
    expect.arrayContaining([
      [sleeper, "is no employee of the tenant"],
      [left, "has left, and nothing new is kept"],
    ]),
  );
  expect(summary.people).toHaveLength(2);
  expect(summary.refused).toBe(summary.people.reduce((sum, { samples }) => sum + samples, 0));
  expect(summary.accepted + summary.refused).toBe(whole.accepted);
  expect(summary.inserted).toBe(await countStored(to));
  expect(stderr.split("\n").filter((line) => line.includes(sleeper))).toHaveLength(1);
});

test("bad rows are told by file and line without their values, and all others are stored", async () => {
  const bad = join(scratch, "bad");
  await cp(folder, bad, { recursive: true });
  const sleep = "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed";
  await writeFile(
    join(bad, "sleepDay_merged.csv"),
    [
      sleep,
      `${sleeper},4/12/2016,1,327,346`,
      `${sleeper},13/4/2016,1,327,346`,
      `${sleeper},4/14/2016,1,4711,4712`,
    ].join("\n"),
  );
  await writeFile(join(bad, "heartrate_seconds_merged.csv"), `Id,Time,Value\n${sleeper},4/12/2099 7:21:00 AM,97\n`);
  await writeFile(join(bad, "weightLogInfo_merged.csv"), "Id,Date\n1,2\n");
  await rm(join(bad, "hourlySteps_merged.csv"));
  const to = await hireAll();
  const { status, summary, stderr } = await runImportJson(toFitabase(to, bad));
  await rm(bad, { recursive: true });
  expect(status).toBe(1);
  const of = (name: string) => join(bad, name);
  expect(summary.problems).toEqual([
    {
      ...{ file: of("heartrate_seconds_merged.csv"), line: 2, field: "heart_rate.start_time" },
      problem: "must not be more than 24 hours ahead of the server's clock",
    },
    { file: of("sleepDay_merged.csv"), line: 3, problem: "SleepDay must be a day such as 4/12/2016" },
    { file: of("sleepDay_merged.csv"), line: 4, problem: "TotalMinutesAsleep must come to 0 to 1440 min" },
    {
      ...{ file: of("weightLogInfo_merged.csv"), line: 1 },
      problem: "the header line must name WeightKg, Fat, IsManualReport",
    },
  ]);
  expect(summary).toMatchObject({ refused: 3, complete: false });
  expect(stderr).toContain("hourlySteps_merged.csv is not there and not imported");
  expect(stderr).toContain("sleepDay_merged.csv:4: TotalMinutesAsleep");
  expect(stderr).not.toContain("4711");
  expect(summary.inserted).toBe(await countStored(to));
});

test("after kill -9 the next run sends only what was not acknowledged, and the sums are those of one run", {
  timeout: 90_000,
}, async () => {
  const to = await hireAll();
  const progress = join(scratch, "killed.json");
  const args = toFitabase(to, folder, "--address", proxy.address, "--progress-file", progress);
  proxy.stallAfter(200_000);
  const first = startImport(args);
  await progressOf(progress, async (inserted) => inserted === (await countStored(to)));
  const before = await countStored(to);
  first.process.kill("SIGKILL");
  await first.ended;
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(whole.inserted);

  proxy.open();
  const { status, summary, stderr } = await runImportJson(args);
  expect(status).toBe(0);
  expect(stderr).toContain("where it was cut off");
  // Had anything been sent twice, it would be unchanged instead of inserted.
  expect(summary).toEqual({ ...whole, resumed: true, tenant: to });
  expect(await allSamples(to)).toEqual(stored);
  await expect(readFile(progress)).rejects.toThrow("ENOENT");
});

test("Ctrl-C lets what is under way be answered, and the next run goes on after it", { timeout: 90_000 }, async () => {
  const to = await hireAll();
  const progress = join(scratch, "interrupted.json");
  const args = toFitabase(to, folder, "--address", proxy.address, "--progress-file", progress);
  proxy.stallAfter(200_000);
  const first = startImport([...args, "--json"]);
  await progressOf(progress, () => true);
  await proxy.stalled();
  // One Ctrl-C arrives twice, from the terminal and from npm.
  first.process.kill("SIGINT");
  await new Promise((done) => setTimeout(done, 50));
  first.process.kill("SIGINT");
  await new Promise((done) => setTimeout(done, 100));
  proxy.open();
  const cut = await first.ended;
  expect(cut.status).toBe(1);
  const { counts } = JSON.parse(await readFile(progress, "utf8")) as { counts: Partial<ImportSummary> };
  expect(JSON.parse(cut.stdout)).toMatchObject({ ...counts, finished: false });
  expect(cut.stderr).toMatch(/Not finished: \d+ inserted.*the same command goes on from there/);
  const { summary } = await runImportJson(args);
  expect(summary).toEqual({ ...whole, resumed: true, tenant: to });
});

test("a connection that breaks is opened again, and one that stays broken ends the import with what to do", {
  timeout: 90_000,
}, async () => {
  const to = await hireAll();
  const progress = join(scratch, "lost.json");
  const args = toFitabase(to, folder, "--address", proxy.address, "--progress-file", progress);
  proxy.cutAfter(200_000);
  const lost = await runImport([...args, "--retry-seconds", "0"]);
  expect(lost.status).toBe(1);
  expect(lost.stderr).toMatch(/Not finished: .*goes on from there/);

  const repeated = startImport([...args, "--json"]);
  let said = "";
  repeated.process.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
    if (said.includes("A call failed and is repeated")) proxy.open();
  });
  const { status, stdout, stderr } = await repeated.ended;
  expect(stderr).toContain("A call failed and is repeated");
  expect(status).toBe(0);
  const summary = JSON.parse(stdout) as ImportSummary;
  expect(summary).toMatchObject({ resumed: true, accepted: whole.accepted, refused: 0, stale: 0, replaced: 0 });
  expect(await allSamples(to)).toEqual(stored);
});

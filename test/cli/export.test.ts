import { createHash } from "node:crypto";
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { writeExport } from "../../src/cli/exports/write-export.ts";
import { ExportRecordType } from "../../src/gen/wellvault/v1/employee_export_pb.ts";
import { EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import {
  type ExportEmployeeResponse,
  ExportEmployeeResponseSchema,
} from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { as } from "../support/clients.ts";
import { type CommandRun, callCommand, spawnCommand } from "../support/command.ts";
import { logEntry, monday, sample, sampleKey } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let folder: string;
let tenant: string;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService();
  folder = await mkdtemp(join(tmpdir(), "wellvault-export-"));
  tenant = await service.provision("acme");
  employeeId = await service.hire(tenant, "E-1");
  await live(employeeId);
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

/** Gives the employee data of every kind, and lets the person leave. */
async function live(id: string): Promise<void> {
  const { clients } = service;
  const own = as("employee", tenant, id);
  const entries = [
    logEntry({ entryId: "mood", note: "line\nbreak 🧘 \u2028", version: 9n, utcOffsetMinutes: -210 }),
    logEntry({ entryId: "who", detail: { case: "checkIn", value: { answers: [5, 4, 3, 2, 1] } } }),
    logEntry({
      entryId: "night",
      startTime: fromMicros(monday + 1n),
      endTime: fromMicros(monday + 8n * 3_600_000_000n),
      detail: { case: "sleep", value: { quality: 3 } },
    }),
    logEntry({ entryId: "gone", version: 4n, note: "to be forgotten" }),
  ];
  for (const entry of entries) await clients.logs.putLogEntry({ employeeId: id, entry }, own);
  await clients.logs.deleteLogEntry({ employeeId: id, entryId: "gone" }, own);
  const midnight = monday - (monday % 86_400_000_000n);
  const samples = [
    ...Array.from({ length: 1_500 }, (_, n) =>
      sample({
        startTime: fromMicros(monday + BigInt(n) * 60_000_001n),
        value: 60 + 1 / (n + 1),
        version: BigInt(n + 1),
      }),
    ),
    sample({ kind: "steps", endTime: fromMicros(monday + 60_000_000n), value: 12, source: "ring" }),
    sample({ kind: "steps", daily: true, startTime: fromMicros(midnight), value: 9_000, source: "ring" }),
    sample({
      kind: "sleep_duration",
      startTime: fromMicros(monday),
      endTime: fromMicros(monday + 60_000_000n),
      value: 1,
    }),
  ];
  for (let n = 0; n < samples.length; n += 1_000) {
    await clients.metrics.putSamples({ employeeId: id, samples: samples.slice(n, n + 1_000) }, own);
  }
  // A deleted sample of each shape.
  const value = { keys: [sampleKey(deleted), sampleKey(deletedSteps)] };
  await clients.metrics.putSamples({ employeeId: id, samples: [deleted, deletedSteps] }, own);
  await clients.metrics.deleteSamples({ employeeId: id, selection: { case: "keys", value } }, own);
  const employee = { displayName: "Ada ♥", team: "A", timeZone: "Europe/Berlin", state: EmployeeState.OFFBOARDED };
  await clients.employees.updateEmployee(
    { employeeId: id, employee, updateMask: { paths: ["display_name", "team", "time_zone", "state"] } },
    as("company_admin", tenant),
  );
}

const deleted = sample({ kind: "weight", value: 81, version: 6n, utcOffsetMinutes: -210 });
const deletedSteps = sample({ kind: "steps", value: 7, version: 2n, endTime: fromMicros(monday + 60_000_000n) });

function wellvault(args: readonly string[], env: Record<string, string> = {}, by = callCommand): Promise<CommandRun> {
  return by([...args, "--address", service.address], env);
}

const exportTo = (out: string, id = employeeId, of = tenant, by = callCommand) =>
  wellvault(["export", "employee", id, "--tenant", of, "--out", join(folder, out)], {}, by);

/** The records of an export without what each service makes of its own. */
async function recordsOf(name: string): Promise<Record<string, string[]>> {
  const own = new Set(["employeeId", "etag", "createTime", "updateTime", "deleteTime", "recordTime"]);
  const files = (await readdir(join(folder, name))).filter((file) => file.endsWith(".ndjson"));
  const entries = files.map(async (file) => {
    const text = await readFile(join(folder, name, file), "utf8");
    const lines = text.split("\n").filter(Boolean);
    const records = lines.map((line) => {
      const record = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify(Object.entries(record).filter(([key]) => !own.has(key)));
    });
    return [file, records.sort()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

test("an export written back into an empty vault gives the same export, and again changes nothing", async () => {
  const out = await exportTo("first", employeeId, tenant, spawnCommand);
  expect(out).toMatchObject({ status: 0, stderr: "" });
  expect(out.stdout).toContain("samples.ndjson: 1503 records");
  expect((await stat(join(folder, "first"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "first/samples.ndjson"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, "first/deleted_log_entries.ndjson"), "utf8")).not.toContain("forgotten");

  await service.provision("globex");
  const back = (by = callCommand) =>
    wellvault(["import", "export", join(folder, "first"), "--tenant", "globex", "--json"], {}, by);
  const imported = await back(spawnCommand);
  expect(imported).toMatchObject({ status: 0, stderr: "" });
  const none = { inserted: 0, replaced: 0, unchanged: 0, stale: 0 };
  const summary = JSON.parse(imported.stdout) as { employeeId: string };
  expect(summary).toMatchObject({
    entries: { ...none, inserted: 3 },
    deletedEntries: { ...none, inserted: 1 },
    samples: { ...none, inserted: 1_503 },
    deletedSamples: { ...none, inserted: 2 },
    keptDaysLeftOut: 0,
  });
  expect(await exportTo("second", summary.employeeId, "globex")).toMatchObject({ status: 0 });
  const [first, second] = [await recordsOf("first"), await recordsOf("second")];
  expect(second).toEqual(first);
  expect(Object.values(first).map(({ length }) => length)).toEqual([1, 2, 1, 3, 0, 1_503]);

  // What was deleted before the export stays deleted: a late repetition of its write is stale there too.
  const theirs = as("employee", "globex", summary.employeeId);
  const active = { state: EmployeeState.ACTIVE };
  const update = { employeeId: summary.employeeId, employee: active, updateMask: { paths: ["state"] } };
  await service.clients.employees.updateEmployee(update, as("company_admin", "globex"));
  const late = { employeeId: summary.employeeId, entry: logEntry({ entryId: "gone", version: 4n }) };
  expect((await service.clients.logs.putLogEntry(late, theirs)).entry).toBeUndefined();
  const lateSamples = { employeeId: summary.employeeId, samples: [deleted, deletedSteps] };
  expect(await service.clients.metrics.putSamples(lateSamples, theirs)).toMatchObject({ staleCount: 2 });
  // And what is deleted after it is not brought back by importing it again.
  await service.clients.logs.deleteLogEntry({ employeeId: summary.employeeId, entryId: "mood" }, theirs);
  expect(JSON.parse((await back()).stdout)).toMatchObject({
    entries: { ...none, unchanged: 2, stale: 1 },
    deletedEntries: { ...none, stale: 1 },
    samples: { ...none, unchanged: 1_503 },
    deletedSamples: { ...none, stale: 2 },
  });
  const { entries } = await service.clients.logs.listLogEntries({ employeeId: summary.employeeId }, theirs);
  expect(entries.map(({ entryId }) => entryId).sort()).toEqual(["night", "who"]);
});

test("an export that was changed, cut short or made by a newer version is refused before anything is written", async () => {
  await exportTo("whole");
  await service.provision("initech");
  const spoil: Record<string, (path: string) => Promise<unknown>> = {
    "log_entries.ndjson": (path) => appendFile(join(path, "log_entries.ndjson"), "{}\n"),
    "samples.ndjson cannot be read": (path) => rm(join(path, "samples.ndjson")),
    "manifest.json": (path) => rm(join(path, "manifest.json")),
    "form that this version does not know": async (path) => {
      const text = await readFile(join(path, "manifest.json"), "utf8");
      await writeFile(join(path, "manifest.json"), text.replace('"formatVersion": 1', '"formatVersion": 2'));
    },
  };
  for (const [message, change] of Object.entries(spoil)) {
    const path = join(folder, `spoiled ${message}`);
    await cp(join(folder, "whole"), path, { recursive: true });
    await change(path);
    const ran = await wellvault(["import", "export", path, "--tenant", "initech"]);
    expect(ran.status, message).toBe(message === "manifest.json" ? 2 : 1);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toMatch(/^ +at /m);
  }
  const roster = await service.clients.employees.listEmployees({}, as("company_admin", "initech"));
  expect(roster.employees).toEqual([]);
});

test("a folder that is not empty is not touched, and an employee whom there is not leaves none behind", async () => {
  await mkdir(join(folder, "full"));
  await writeFile(join(folder, "full/mine"), "mine");
  const full = await exportTo("full");
  expect(full.status).toBe(2);
  expect(full.stderr).toContain("is not empty");
  expect(await readdir(join(folder, "full"))).toEqual(["mine"]);
  const unknown = await exportTo("unknown", crypto.randomUUID());
  expect(unknown.status).toBe(1);
  expect(unknown.stderr).toContain("NotFound");
  expect(await readdir(folder)).not.toContain("unknown");
});

describe("a stream that is no whole export leaves nothing in the folder", () => {
  const data = Buffer.from('{"a":1}\n');
  const part = (partIndex: number) => ({
    content: { case: "part" as const, value: { partIndex, recordType: ExportRecordType.SAMPLE, data } },
  });
  const sha256 = createHash("sha256").update(data).digest("hex");
  const file = { recordType: ExportRecordType.SAMPLE, recordCount: 1n, byteCount: 8n, sha256 };
  const manifest = (partCount: number, files = [file]) => ({
    content: { case: "manifest" as const, value: { formatVersion: 1, partCount, files } },
  });
  type Init = ReturnType<typeof part> | ReturnType<typeof manifest>;

  async function* streamOf(messages: readonly Init[]): AsyncGenerator<ExportEmployeeResponse> {
    for (const message of messages) yield create(ExportEmployeeResponseSchema, message);
  }

  test.each<[string, Init[], string]>([
    ["no manifest", [part(0)], "without a manifest"],
    ["nothing", [], "without a manifest"],
    ["a part missing", [part(1), manifest(2)], "Part 0 is missing"],
    ["the last part missing", [part(0), manifest(2)], "1 parts came"],
    ["other bytes", [part(0), manifest(1, [{ ...file, sha256: "0".repeat(64) }])], "sha256"],
    ["other counts", [part(0), manifest(1, [{ ...file, recordCount: 2n }])], "recordCount"],
    ["a file that is not named", [part(0), manifest(1, [])], "does not name samples.ndjson"],
    ["something after the manifest", [part(0), manifest(1), part(1)], "after the manifest"],
  ])("%s", async (_, messages, message) => {
    const out = join(folder, "broken");
    await expect(
      writeExport(
        () => streamOf(messages),
        out,
        () => undefined,
      ),
    ).rejects.toThrow(message);
    expect(await readdir(folder)).not.toContain("broken");
    // The control: the same folder takes a whole one.
    await writeExport(
      () => streamOf([part(0), manifest(1)]),
      out,
      () => undefined,
    );
    expect((await readdir(out)).sort()).toEqual(["manifest.json", "samples.ndjson"]);
    await rm(out, { recursive: true });
  });
});

test("with a token the employee has to be named, for the token is that employee's", async () => {
  await exportTo("mine");
  const ran = await wellvault(["import", "export", join(folder, "mine"), "--tenant", tenant], {
    WELLVAULT_TOKEN: "a.b.c",
  });
  expect(ran.status).toBe(2);
  expect(ran.stderr).toContain("--employee");
});

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DemoSummary } from "../src/cli/demo/summary.ts";

const root = join(import.meta.dirname, "..");
const excerpt = join(root, "test/fixtures/fitabase");
const wholeExport = process.env["WELLVAULT_FITABASE_DIR"] ?? "";
const tenantIds = ["alder", "birch", "cedar"];

/** Folder for temporary files of the demos of this file, to see what they leave behind. */
let temporary: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), "wellvault-demo-test-"));
  // For root the database runs as another user, who has to get in.
  chmodSync(temporary, 0o711);
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the demo as a process of its own. */
function runDemo(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((done, fail) => {
    const options = { cwd: temporary, env: { ...process.env, TMPDIR: temporary, ...env }, timeout: 110_000 };
    execFile(process.execPath, [join(root, "src/cli/demo.ts"), ...args], options, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === "number") done({ code, stdout, stderr });
      else fail(error);
    });
  });
}

/** What the files of a folder hold, counted without the importer: plain lines, split at commas. */
function countFiles(folder: string) {
  const kinds: Record<string, (cells: string[]) => string[]> = {
    dailyActivity_merged: () => ["steps", "distance", "active_minutes", "sedentary_minutes", "total_energy"],
    hourlySteps_merged: () => ["steps"],
    sleepDay_merged: () => ["sleep_duration", "time_in_bed"],
    weightLogInfo_merged: (cells) => (cells[4] === "" ? ["weight"] : ["weight", "body_fat"]),
    heartrate_seconds_merged: () => ["heart_rate"],
  };
  const seen = new Set<string>();
  const people = new Map(tenantIds.map((tenantId) => [tenantId, new Set<string>()]));
  const distinct = new Map(tenantIds.map((tenantId) => [tenantId, {} as Record<string, number>]));
  const rows = new Map(tenantIds.map((tenantId) => [tenantId, 0]));
  for (const [file, kindsOf] of Object.entries(kinds)) {
    const [, ...lines] = readFileSync(join(folder, `${file}.csv`), "utf8")
      .trim()
      .split(/\r?\n/);
    for (const line of lines) {
      const cells = line.split(",");
      const [id = "", time = ""] = cells;
      const tenantId = tenantIds[createHash("sha256").update(id).digest().readUInt32BE() % 3] ?? "";
      people.get(tenantId)?.add(id);
      for (const kind of kindsOf(cells)) {
        rows.set(tenantId, (rows.get(tenantId) ?? 0) + 1);
        const key = `${file} ${kind} ${id} ${time}`;
        const counts = distinct.get(tenantId);
        if (!seen.has(key) && counts) counts[kind] = (counts[kind] ?? 0) + 1;
        seen.add(key);
      }
    }
  }
  return tenantIds.map((tenantId) => {
    const samplesByKind = distinct.get(tenantId) ?? {};
    const samples = Object.values(samplesByKind).reduce((sum, count) => sum + count, 0);
    const all = rows.get(tenantId) ?? 0;
    return {
      tenantId,
      employees: people.get(tenantId)?.size,
      samples,
      samplesByKind,
      firstImport: { inserted: samples, replaced: 0, unchanged: all - samples, stale: 0 },
      secondImport: { inserted: 0, replaced: 0, unchanged: all, stale: 0 },
    };
  });
}

/** A copy of the excerpt in which one file is changed. */
function tampered(file: string, change: (text: string) => string): string {
  const folder = mkdtempSync(join(temporary, "data-"));
  cpSync(excerpt, folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
  return folder;
}

const leftovers = () => readdirSync(temporary).filter((name) => name.startsWith("wellvault-demo-"));

describe("npm run demo", { timeout: 120_000 }, () => {
  it("imports the excerpt twice, finds what the files hold, and is refused what it must be", async () => {
    const { code, stdout, stderr } = await runDemo(["--json"]);
    expect(code, stderr).toBe(0);
    const summary = JSON.parse(stdout) as DemoSummary;
    const counted = countFiles(excerpt);
    expect(summary.companies).toEqual(counted);
    // The excerpt has people in each company, and its three duplicate nights do not double.
    expect(counted.every(({ employees = 0 }) => employees >= 2)).toBe(true);
    expect(counted.reduce((sum, { firstImport }) => sum + firstImport.unchanged, 0)).toBe(3 * 2);
    expect(summary.ok).toBe(true);
    expect(summary.problems).toEqual([]);

    const answers = summary.attempts.map(({ answered }) => answered);
    for (const answer of [
      "PERMISSION_DENIED ACCESS_DENIED",
      "NOT_FOUND RESOURCE_NOT_FOUND",
      "INVALID_ARGUMENT PAGE_TOKEN_INVALID",
      "42501",
      "42P01",
    ]) {
      expect(answers).toContain(answer);
    }
    expect(leftovers()).toEqual([]);
  });

  it("prints a table and a last line for people, and leaves the database of DATABASE_URL alone", async () => {
    const { code, stdout } = await runDemo([], { DATABASE_URL: "postgresql://nobody:nothing@127.0.0.1:1/nowhere" });
    expect(code, stdout).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("All held.");
    const together = countFiles(excerpt).reduce((sum, { samples }) => sum + samples, 0);
    expect(stdout).toMatch(new RegExp(`^together +12 +${together.toLocaleString("en-US")} `, "m"));
  });

  it("names file and line of a row that cannot be read, and fails", async () => {
    const folder = tampered("sleepDay_merged.csv", (text) => text.replace(/(\r\n[^\r]*)\d(\r\n)/, "$1x$2"));
    const { code, stdout } = await runDemo(["--json", "--data", folder]);
    expect(code).toBe(1);
    const summary = JSON.parse(stdout) as DemoSummary;
    expect(summary.ok).toBe(false);
    expect(summary.badRows).toEqual([
      { file: join(folder, "sleepDay_merged.csv"), line: 2, problem: expect.stringContaining("TotalTimeInBed") },
    ]);
  });

  it("fails, and cleans up, when it is interrupted", async () => {
    const child = execFile(process.execPath, [join(root, "src/cli/demo.ts")], {
      env: { ...process.env, TMPDIR: temporary },
    });
    let output = "";
    const importing = Promise.withResolvers<void>();
    child.stdout?.on("data", (chunk: string) => {
      output += chunk;
      if (output.includes("Importing")) importing.resolve();
    });
    const ended = new Promise<number | null>((done) => void child.once("close", done));
    await Promise.race([importing.promise, ended]);
    expect(leftovers()).toHaveLength(1);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(output).not.toContain("All held.");
    expect(leftovers()).toEqual([]);
  });

  it.each([
    ["an unknown option", ["--nonsense"], "--nonsense"],
    ["an argument", ["nonsense"], "nonsense"],
    ["an offset that no place has", ["--utc-offset", "-900"], "-840 to 840"],
    ["a folder without the files", ["--data", tmpdir()], "dailyActivity_merged.csv"],
  ])("refuses %s with exit code 2", async (_, args, message) => {
    const { code, stdout, stderr } = await runDemo(args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
  });

  it("explains itself", async () => {
    const { code, stdout } = await runDemo(["--help"]);
    expect(code).toBe(0);
    for (const option of ["--data", "--utc-offset", "--json"]) expect(stdout).toContain(option);
  });

  it.runIf(existsSync(wholeExport))("imports the whole export", async () => {
    const { code, stdout, stderr } = await runDemo(["--json", "--data", wholeExport]);
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as DemoSummary).companies).toEqual(countFiles(wholeExport));
  });
});

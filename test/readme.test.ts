import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exampleCalls } from "../src/cli/banner.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { type RunningProgram, root, runProgram } from "./support/process.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = "", text = ""]) => ({
  language,
  text: text.trim(),
}));
const printed = "http://127.0.0.1:8080";

let database: TestDatabase;
let service: RunningProgram;
let address: string;
beforeAll(async () => {
  database = await createTestDatabase();
  // As the README says for a PostgreSQL of one's own.
  service = runProgram("src/main.ts", {
    DATABASE_URL: database.url,
    WELLVAULT_IDENTITY: "development",
    WELLVAULT_PORT: "0",
  });
  address = (await service.until(/address +(http:\/\/\S+)[\s\S]*Ctrl-C stops/))[1] ?? "";
});
afterAll(async () => {
  await service.end("SIGTERM");
  await database.drop();
});

function shell(command: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("bash", ["-c", command.replaceAll(printed, address)], {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
  });
}

const calls = blocks
  .filter(({ language, text }) => language === "sh" && text.includes(printed))
  .map(({ text }) => text);

test("the README shows the three calls that the start prints", () => {
  for (const call of exampleCalls(printed)) expect(calls).toContain(call);
  expect(service.output()).toContain(exampleCalls(address)[0]);
});

test("every call of the README works as printed, also the second time", { timeout: 120_000 }, () => {
  expect(calls.length).toBeGreaterThanOrEqual(5);
  const first = calls.map((call) => ({ call, ...shell(call) }));
  for (const result of first) expect(result, result.call).toMatchObject({ status: 0 });
  expect(first[0]?.stdout).toContain('"created": true');
  expect(first[1]?.stdout).toContain('"externalId": "E-1"');
  expect(first[2]?.stdout).toContain('"displayName": "Ada"');
  expect(first.map(({ stdout }) => stdout).join("\n")).toContain("wellvault.v1.MetricService/PutSamples");
  expect(first.at(-1)?.stdout).toContain('"kind":"steps"');
  for (const call of exampleCalls(printed)) expect(shell(call), call).toMatchObject({ status: 0 });
});

test("the README's query shows schema, role, tables and grants of the company", async () => {
  const sql = blocks.find(({ language }) => language === "sql")?.text ?? "";
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  expect(rows.map((row) => row["table_name"])).toEqual([
    "counters",
    "employees",
    "log_entries",
    "sample_days",
    "sample_sources",
    "samples",
  ]);
  expect(rows[1]).toMatchObject({ tenant_id: "acme", may_log_in: false, privileges: "INSERT, SELECT, UPDATE" });
});

test("every npm command of the README and of the checks exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const ci = readFileSync(join(root, ".ci/run"), "utf8");
  const named = [...`${readme}\n${ci}`.matchAll(/npm (?:run )?(start|test|(?<=run )[\w:]+)/g)].map(
    (match) => match[1] ?? "",
  );
  expect(new Set(named)).toEqual(
    new Set([
      ...["start", "wellvault", "demo", "attacks", "bench", "bench:statements", "storm", "test", "check"],
      "protos:accept",
    ]),
  );
  for (const name of named) expect(scripts).toHaveProperty([name]);
});

test("every file and folder that the documents link to exists", () => {
  const pages = ["README.md", "docs/architecture.md", "docs/operations.md", "docs/errors.md"];
  for (const page of pages) {
    const text = readFileSync(join(root, page), "utf8");
    for (const [, link = ""] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
      expect(spawnSync("test", ["-e", join(root, page, "..", link)]).status, `${page} links to ${link}`).toBe(0);
    }
  }
});

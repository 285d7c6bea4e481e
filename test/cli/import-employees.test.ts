import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Employee, EmployeeState } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { as } from "../support/clients.ts";
import { type CommandRun, callCommand, spawnCommand } from "../support/command.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { caller, createKey, startJwks, tokenSettings } from "../support/tokens.ts";

let service: TestService;
let folder: string;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  folder = await mkdtemp(join(tmpdir(), "wellvault-import-"));
});
beforeEach(async () => {
  tenant = await service.provision();
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command on a text as the file. */
async function run(
  text: string | Buffer,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  by = callCommand,
): Promise<CommandRun> {
  const file = join(folder, "people.csv");
  await writeFile(file, text);
  const given = ["import", "employees", file, "--tenant", tenant, "--address", service.address, ...args];
  const ran = await by(given, env);
  return { ...ran, stderr: ran.stderr.replaceAll(file, "people.csv") };
}

async function roster(): Promise<Employee[]> {
  return (await service.clients.employees.listEmployees({ pageSize: 1_000 }, as("company_admin", tenant))).employees;
}

test("a file in any case and order of columns becomes the roster, and again changes nothing", async () => {
  const text = [
    "\uFEFFTeam,EXTERNAL ID,Time-Zone,displayName,state",
    'A,E-1,Europe/Berlin,"Lovelace, Ada",',
    ',E-2,,"Grace ""Amazing"" Hopper",offboarded',
    "",
    'B,"E-3\nnext line",UTC,Zoë 🧘,ACTIVE\r',
  ].join("\n");
  const first = await run(text, [], {}, spawnCommand);
  expect(first).toEqual({ status: 0, stdout: "3 created, 0 updated, 0 unchanged, 0 refused.\n", stderr: "" });
  const people = await roster();
  expect(people).toMatchObject([
    {
      externalId: "E-1",
      team: "A",
      timeZone: "Europe/Berlin",
      displayName: "Lovelace, Ada",
      state: EmployeeState.ACTIVE,
    },
    { externalId: "E-2", team: "", displayName: 'Grace "Amazing" Hopper', state: EmployeeState.OFFBOARDED },
    { externalId: "E-3\nnext line", team: "B", timeZone: "UTC", displayName: "Zoë 🧘" },
  ]);
  const again = await run(text);
  expect(again).toMatchObject({ status: 0, stdout: "0 created, 0 updated, 3 unchanged, 0 refused.\n" });
  expect(await roster()).toEqual(people);
});

test("columns that the file does not have, and people whom it does not have, stay as they are", async () => {
  await run("external_id,display_name,team,state\nE-1,Ada,A,offboarded\nE-2,Grace,A,\n");
  const ran = await run("external_id,team\nE-1,B\n");
  expect(ran.stdout).toBe("0 created, 1 updated, 0 unchanged, 0 refused.\n");
  expect(await roster()).toMatchObject([
    { externalId: "E-1", displayName: "Ada", team: "B", state: EmployeeState.OFFBOARDED },
    { externalId: "E-2", displayName: "Grace", team: "A" },
  ]);
  expect((await run("external_id\nE-1\nE-2\n")).stdout).toBe("0 created, 0 updated, 2 unchanged, 0 refused.\n");
});

const spoiled = [
  "external_id,display_name,time_zone,state,Salary",
  "E-1,Ada,UTC,,1",
  "E-2,Grace,Mars/Base,,1",
  ",Nobody,,,1",
  '"E-3",two,"UTC","fired",1',
  "E-4,too,few",
  "E-1,Twice,UTC,,1",
  '"E-5","over',
  'two lines",UTC,,1',
  `E-6,${"x".repeat(201)},UTC,,1`,
  "E-7,Edsger,UTC,,1",
].join("\n");

test("bad rows are refused by line and column, unknown columns told, and the rest imported", async () => {
  const { status, stdout, stderr } = await run(spoiled, ["--json"], {}, spawnCommand);
  expect(status).toBe(1);
  const summary = JSON.parse(stdout) as Record<string, unknown>;
  expect(summary).toMatchObject({ dryRun: false, created: 3, updated: 0, unchanged: 0, refused: 6, complete: true });
  expect(summary["ignoredColumns"]).toEqual(["Salary"]);
  expect(summary["problems"]).toEqual([
    { line: 3, column: "time_zone", problem: expect.stringContaining("IANA") as string },
    { line: 4, column: "external_id", problem: expect.stringContaining("at least 1") as string },
    { line: 5, column: "state", problem: "must be ACTIVE, OFFBOARDED or empty" },
    { line: 6, problem: "must have 5 fields, as the header line has" },
    { line: 7, column: "external_id", problem: "must not be that of line 2 again" },
    { line: 10, column: "display_name", problem: expect.stringContaining("200") as string },
  ]);
  expect(stderr).toContain('people.csv:1: column "Salary" is unknown and not imported');
  expect(stderr).toContain("people.csv:3: time_zone must be an IANA time zone");
  // What is wrong is told without the values.
  expect(stderr).not.toContain("Mars");
  expect((await roster()).map(({ externalId }) => externalId)).toEqual(["E-1", "E-5", "E-7"]);
});

test("a dry run says the same and writes nothing", async () => {
  await run("external_id,display_name\nE-1,Someone\n");
  const before = await roster();
  const dry = await run(spoiled, ["--dry-run"]);
  expect(dry.status).toBe(1);
  expect(dry.stdout).toBe("Nothing was written. Would be: 2 created, 1 updated, 0 unchanged, 6 refused.\n");
  expect(await roster()).toEqual(before);
  expect((await run(spoiled)).stdout).toBe("2 created, 1 updated, 0 unchanged, 6 refused.\n");
});

test("several thousand rows go in batches, each row once", { timeout: 60_000 }, async () => {
  const lines = Array.from({ length: 2_501 }, (_, n) => `E-${n},Team ${n % 7}`);
  const text = ["external_id,team", ...lines].join("\n");
  expect((await run(text)).stdout).toBe("2501 created, 0 updated, 0 unchanged, 0 refused.\n");
  const changed = text.replace("E-1700,", "E-1700,New ");
  expect((await run(changed)).stdout).toBe("0 created, 1 updated, 2500 unchanged, 0 refused.\n");
});

test("a file that is none ends with 1 and what is wrong, and what stood before it is imported", async () => {
  const headers = ["", "name,team\nAda,A\n", "external_id,team,Team\nE-1,A,B\n"];
  for (const text of headers) {
    const ran = await run(text, ["--json"]);
    expect(ran.status, text).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ complete: false, refused: 0, created: 0 });
    expect(ran.stderr).toMatch(/people\.csv:1: the header line must name (external_id|team once)/);
  }
  const unclosed = `external_id,team\nE-1,A\nE-2,"${"never closed\n".repeat(3_000)}`;
  const ran = await run(unclosed, ["--json"]);
  expect(ran.status).toBe(1);
  expect(JSON.parse(ran.stdout)).toMatchObject({ complete: false });
  expect(ran.stderr).toContain("the file is read no further");
  expect((await roster()).map(({ externalId }) => externalId)).toEqual(["E-1"]);
  const latin = await run(Buffer.from("external_id,display_name\nE-8,Zo\xeb\nE-9,Ada\n", "latin1"));
  expect(latin).toMatchObject({ status: 1, stdout: "1 created, 0 updated, 0 unchanged, 1 refused.\n" });
  expect(latin.stderr).toContain("people.csv:2: display_name must be UTF-8");
});

test("more people than a tenant may have end the file, and nobody is half imported", { timeout: 60_000 }, async () => {
  const lines = Array.from({ length: 20_002 }, (_, n) => `E-${n}`);
  const ran = await run(["external_id", ...lines].join("\n"), ["--dry-run", "--json"]);
  expect(ran.status).toBe(1);
  expect(JSON.parse(ran.stdout)).toMatchObject({ created: 20_000, refused: 0, complete: false });
  expect(ran.stderr).toContain("people.csv:20002: a tenant has at most 20000 employees");
});

test("whoever may not is told so, and no token is sent in plain text to another machine", async () => {
  const text = "external_id\nE-1\n";
  const unknown = await run(text, ["--tenant", "no-such-tenant"]);
  expect(unknown.status).toBe(1);
  expect(unknown.stderr).toContain("The call failed (PermissionDenied)");
  expect(unknown.stderr).toContain("Not finished: 0 created");
  const plain = await run(text, ["--address", "http://wellvault.example.com"], { WELLVAULT_TOKEN: "a.b.c" });
  expect(plain).toMatchObject({ status: 2, stdout: "" });
  expect(plain.stderr).toContain("must be https");
  const nobody = await run(text, ["--address", "https://wellvault.example.com"]);
  expect(nobody.status).toBe(2);
  expect(nobody.stderr).toContain("WELLVAULT_TOKEN");
  expect((await run(text, ["--token-file", join(folder, "none")])).status).toBe(2);
  expect((await run(text, ["--colour"], {}, spawnCommand)).status).toBe(2);
  expect(await roster()).toEqual([]);
});

test("a token from a file or the environment proves who imports, and without one nobody does", async () => {
  const key = await createKey("k1");
  const jwks = await startJwks([key.jwk]);
  const guarded = await startTestService({}, service.database, tokenSettings({ WELLVAULT_JWKS_URL: jwks.url }));
  try {
    const token = await key.sign(caller("company_admin", tenant));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, `${token}\n`);
    const text = "external_id\nE-1\n";
    const to = ["--address", guarded.address];
    const nobody = await run(text, to);
    expect(nobody.status).toBe(1);
    expect(nobody.stderr).toContain("The call failed (Unauthenticated)");
    expect(await roster()).toEqual([]);
    expect((await run(text, to, { WELLVAULT_TOKEN: token })).stdout).toContain("1 created");
    expect((await run(text, [...to, "--token-file", tokenFile])).stdout).toContain("1 unchanged");
  } finally {
    await guarded.close();
    await jwks.close();
  }
});

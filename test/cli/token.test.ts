import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { as, type Clients, openClients, withToken } from "../support/clients.ts";
import { type CommandRun, callCommand, spawnCommand } from "../support/command.ts";
import { failureOf } from "../support/errors.ts";
import { type RunningProgram, root, runProgram } from "../support/process.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { payloadOf } from "../support/tokens.ts";

let setUp: TestService;
let folder: string;
let me: string;
beforeAll(async () => {
  setUp = await startTestService();
  await setUp.provision("acme");
  me = await setUp.hire("acme", "ME");
  folder = await mkdtemp(join(tmpdir(), "wellvault-token-"));
});
afterAll(async () => {
  await setUp.close();
  await rm(folder, { recursive: true, force: true });
});

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

/** Runs `wellvault token`. */
function token(args: readonly string[], env: Record<string, string> = {}, by = callCommand): Promise<CommandRun> {
  return by(["token", ...args], { WELLVAULT_DATA_DIR: folder, ...env });
}

/** Starts the service as a process of its own over the database of the tests. */
async function start(env: Record<string, string>): Promise<{ program: RunningProgram; clients: Clients }> {
  const program = runProgram(
    "src/cli/wellvault.ts",
    { DATABASE_URL: setUp.database.url, WELLVAULT_PORT: "0", ...env },
    ["start"],
  );
  closing.push(() => program.end("SIGKILL"));
  const [, address = ""] = await program.until(/address +(https?:\/\/\S+)[\s\S]*Ctrl-C stops/);
  const clients = openClients(address);
  closing.push(() => clients.close());
  return { program, clients };
}

/** The settings that the command told on standard error. */
function settingsIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^ {2}(WELLVAULT_\w+)=(\S+)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}

test("a token is accepted by a service with the settings that are printed with it", { timeout: 60_000 }, async () => {
  const made = await token(["--role", "employee", "--tenant", "acme", "--employee-id", me], {}, spawnCommand);
  expect(made.status).toBe(0);
  expect(made.stdout.trim().split("\n")).toHaveLength(1);
  expect((await stat(join(folder, "development-key.pem"))).mode & 0o777).toBe(0o600);
  const settings = settingsIn(made.stderr);
  expect(Object.keys(settings)).toHaveLength(5);

  const { program, clients } = await start(settings);
  expect(program.output()).toContain("identity   tokens, in plain text");
  const options = withToken(made.stdout.trim());
  expect((await clients.logs.listLogEntries({ employeeId: me }, options)).entries).toEqual([]);
  // The second run uses the same key.
  const admin = await token(["--role", "company_admin", "--tenant", "acme", "--json"]);
  const { token: second } = JSON.parse(admin.stdout) as { token: string };
  const { employees } = await clients.employees.listEmployees({}, withToken(second));
  expect(employees.map((employee) => employee.externalId)).toEqual(["ME"]);
  const believed = clients.employees.listEmployees({}, as("company_admin", "acme"));
  expect(await failureOf(believed)).toMatchObject({ reason: "IDENTITY_MISSING" });

  // A key that is not in the file is refused, and after SIGHUP, with the key in it, believed.
  const other = await mkdtemp(join(tmpdir(), "wellvault-token-"));
  closing.push(() => rm(other, { recursive: true, force: true }));
  const elsewhere = { WELLVAULT_DATA_DIR: other };
  const { stdout } = await token(["--role", "company_admin", "--tenant", "acme", "--json"], elsewhere);
  const foreign = JSON.parse(stdout) as { token: string; publicKeys: object };
  const call = () => clients.employees.listEmployees({}, withToken(foreign.token)).then(() => "taken", failure);
  expect(await call()).toBe("TOKEN_UNTRUSTED");
  await writeFile(settings["WELLVAULT_JWT_KEYS_FILE"] ?? "", JSON.stringify(foreign.publicKeys));
  program.process.kill("SIGHUP");
  await expect.poll(call).toBe("taken");
  expect(await program.end("SIGTERM")).toBe(0);
});

async function failure(error: unknown): Promise<string> {
  return (await failureOf(Promise.reject(error))).reason;
}

test("the README's service with tokens is called as printed", { timeout: 60_000 }, async () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  const starting = blocks.find((text) => text.includes("WELLVAULT_JWT_ISSUER")) ?? "";
  const calling = blocks.find((text) => text.includes("authorization: Bearer")) ?? "";
  const env = Object.fromEntries(
    [...starting.matchAll(/(WELLVAULT_\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/^data\//, `${folder}/`),
    ]),
  );
  // Makes the key that the service is started with, as the README does before.
  await token(["--role", "company_admin", "--tenant", "acme"]);
  const { program } = await start(env);
  const [, port = ""] = /address +http:\/\/127\.0\.0\.1:(\d+)/.exec(program.output()) ?? [];
  const result = spawnSync("bash", ["-c", calling.replaceAll("localhost:8080", `127.0.0.1:${port}`)], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, WELLVAULT_DATA_DIR: folder },
  });
  expect(result).toMatchObject({ status: 0 });
  expect(result.stdout).toContain('"externalId": "ME"');
});

test("what a token says is what was asked for", async () => {
  const args = ["--role", "coach", "--tenant", "acme", "--tenant", "globex", "--subject", "me", "--expires", "15m"];
  const renamed = { WELLVAULT_JWT_ROLE_CLAIM: "https://example.org/role", WELLVAULT_JWT_AUDIENCE: "elsewhere" };
  const payload = payloadOf((await token(args, renamed)).stdout.trim());
  const expected = { sub: "me", aud: "elsewhere", "https://example.org/role": "coach", tenants: ["acme", "globex"] };
  expect(payload).toMatchObject(expected);
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
  expect(payload["role"]).toBeUndefined();
});

test.each<[string, string[], RegExp]>([
  ["no role", [], /--role/],
  ["an unknown role", ["--role", "root"], /Allowed choices are employee/],
  ["a time too long", ["--role", "auditor", "--expires", "25h"], /24h/],
  ["a time without a unit", ["--role", "auditor", "--expires", "60"], /15m/],
  ["no time", ["--role", "auditor", "--expires", "0s"], /15m/],
  ["an unknown option", ["--role", "auditor", "--admin"], /--admin/],
  ["an employee without an id", ["--role", "employee", "--tenant", "acme"], /--employee-id/],
  ["an employee whose id is none", ["--role", "employee", "--tenant", "acme", "--employee-id", "7"], /--employee-id/],
  ["no tenant for an admin", ["--role", "company_admin"], /--tenant/],
  ["all tenants for an admin", ["--role", "company_admin", "--tenant", "*"], /--tenant/],
  ["a key that is missing", ["--role", "auditor", "--key", "missing.pem"], /missing\.pem/],
])("%s ends with 2 and says what to do", async (_, args, message) => {
  const result = await token(args);
  expect(result.status).toBe(2);
  expect(result.stderr).toMatch(message);
  expect(result.stdout).toBe("");
});

test("a process that is given what it cannot use ends with 2, says what to do, and lists its options with 0", async () => {
  const [unknown, refused, help] = await Promise.all(
    [["--role", "root"], ["--role", "company_admin"], ["--help"]].map((args) => token(args, {}, spawnCommand)),
  );
  expect(unknown).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("Allowed choices are") });
  expect(refused).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("--tenant must be") });
  expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining("--expires"), stderr: "" });
});

test("runs at the same time use the same key", async () => {
  const empty = await mkdtemp(join(tmpdir(), "wellvault-token-"));
  closing.push(() => rm(empty, { recursive: true, force: true }));
  const runs = Array.from({ length: 4 }, () =>
    runProgram("src/cli/wellvault.ts", { WELLVAULT_DATA_DIR: empty }, ["token", "--role", "auditor", "--json"]),
  );
  expect(await Promise.all(runs.map((run) => run.exit))).toEqual([0, 0, 0, 0]);
  const ids = runs.map((run) => /"kid": "([^"]+)"/.exec(run.output())?.[1]);
  expect(new Set(ids).size).toBe(1);
  const { keys } = JSON.parse(await readFile(join(empty, "development-keys.json"), "utf8")) as {
    keys: { kid: string }[];
  };
  expect(keys[0]?.kid).toBe(ids[0]);
});

test("a development key that others may read is not used", async () => {
  await chmod(join(folder, "development-key.pem"), 0o644);
  const result = await token(["--role", "auditor"]);
  expect(result.status).toBe(2);
  expect(result.stderr).toMatch(/development-key\.pem.*chmod 600/);
  await chmod(join(folder, "development-key.pem"), 0o600);
  expect((await token(["--role", "auditor"])).status).toBe(0);
});

test.each<[string, Record<string, string>, RegExp]>([
  ["nothing about the identity", {}, /WELLVAULT_IDENTITY must be set/],
  [
    "no audience",
    { WELLVAULT_IDENTITY: "credentials", WELLVAULT_JWT_ISSUER: "a", WELLVAULT_JWT_ALGORITHMS: "ES256" },
    /WELLVAULT_JWT_AUDIENCE is missing/,
  ],
  ["development and another address", { WELLVAULT_IDENTITY: "development", WELLVAULT_HOST: "0.0.0.0" }, /loopback/],
])("a start on a real database with %s ends with 2", async (_, env, message) => {
  const program = runProgram("src/main.ts", { DATABASE_URL: setUp.database.url, WELLVAULT_PORT: "0", ...env });
  expect(await program.exit).toBe(2);
  expect(program.output()).toMatch(message);
});

test("development on a real database is announced so that nobody misses it", async () => {
  const { program, clients } = await start({ WELLVAULT_IDENTITY: "development" });
  expect(program.output()).toMatch(/####[\s\S]*DEVELOPMENT IDENTITY ON THE DATABASE OF DATABASE_URL[\s\S]*####/);
  expect(program.output()).toMatch(/"level":40.*development identity/);
  await expect(clients.employees.listEmployees({}, as("company_admin", "acme"))).resolves.toBeDefined();
});

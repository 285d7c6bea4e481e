import { type AddressInfo, createServer } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config.ts";
import { as, type Clients, openClients } from "../support/clients.ts";
import { createMigratedDatabase, type TestDatabase } from "../support/database.ts";
import { failureOf } from "../support/errors.ts";
import { expectQuiet, holdTable } from "../support/locks.ts";
import { type RunningProgram, runProgram } from "../support/process.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createMigratedDatabase();
});
afterAll(() => database.drop());

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

const admin = as("company_admin", "acme");

function run(env: Record<string, string> = {}): RunningProgram {
  const program = runProgram("src/main.ts", {
    DATABASE_URL: database.url,
    WELLVAULT_IDENTITY: "development",
    WELLVAULT_PORT: "0",
    ...env,
  });
  closing.push(() => program.end("SIGKILL"));
  return program;
}

/** Runs the service and opens a client to it, with a tenant that has been used. */
async function start(env: Record<string, string> = {}): Promise<{ program: RunningProgram; clients: Clients }> {
  const program = run(env);
  const [, address = ""] = await program.until(/address +(http:\/\/\S+)[\s\S]*Ctrl-C stops/);
  const clients = openClients(address);
  closing.push(() => clients.close());
  await clients.tenants.provisionTenant({ tenantId: "acme", displayName: "Acme" }, as("platform_operator"));
  await clients.employees.listEmployees({}, admin);
  return { program, clients };
}

test.each(["SIGTERM", "SIGINT"] as const)("%s lets a running call finish and exits with 0", async (signal) => {
  const { program, clients } = await start();
  const held = await holdTable(database, "acme");
  const call = clients.employees.listEmployees({}, admin);
  await held.waiting();
  const exit = program.end(signal);
  await program.until(/Stopping/);
  await held.release();
  expect((await call).employees).toEqual([]);
  expect(await exit).toBe(0);
  expect(program.output()).toContain("Stopped.");
});

test("a call that does not end is cut off when its time is over, and its statement with it", async () => {
  const { program, clients } = await start({ WELLVAULT_DRAIN_TIMEOUT_MS: "100" });
  const held = await holdTable(database, "acme");
  const call = failureOf(clients.employees.listEmployees({}, admin));
  await held.waiting();
  expect(await program.end("SIGTERM")).toBe(0);
  expect(program.output()).toContain("cut off");
  expect(await call).toMatchObject({ code: "Unavailable", reason: "SERVER_DRAINING" });
  await expectQuiet(database);
  await held.release();
});

test("a second signal does not wait for the calls", async () => {
  const { program, clients } = await start();
  const held = await holdTable(database, "acme");
  const call = clients.employees.listEmployees({}, admin).catch((error: unknown) => error);
  await held.waiting();
  const exit = program.end("SIGTERM");
  await program.until(/Stopping/);
  // Signals that follow each other at once count as one.
  const again = setInterval(() => program.process.kill("SIGTERM"), 100);
  closing.push(() => clearInterval(again));
  expect([0, 1]).toContain(await exit);
  expect(await call).toBeInstanceOf(Error);
  await held.release();
});

test("a port that is taken is named, and the exit code is 1", async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  closing.push(() => other.close());
  const program = run({ WELLVAULT_PORT: String((other.address() as AddressInfo).port) });
  expect(await program.exit).toBe(1);
  expect(program.output()).toMatch(/port is taken[\s\S]*WELLVAULT_PORT/);
});

test.each([
  ["WELLVAULT_HOST", "0.0.0.0"],
  ["WELLVAULT_MAX_TIMEOUT_MS", "soon"],
])("%s=%s is refused with exit code 2", async (name, value) => {
  const program = run({ [name]: value });
  expect(await program.exit).toBe(2);
  expect(program.output()).toContain(name);
  expect(program.output()).not.toMatch(/\n {4}at /);
});

test("a data call waits for a connection as long as WELLVAULT_POOL_WAIT_MS says, 5 seconds unless set", () => {
  expect(readConfig({}).poolWaitMs).toBe(5_000);
  expect(readConfig({ WELLVAULT_POOL_WAIT_MS: "300" }).poolWaitMs).toBe(300);
  // And no longer than a call may take.
  expect(readConfig({ WELLVAULT_POOL_WAIT_MS: "60001" }).poolWaitMs).toBe(60_000);
});

test.each([
  ["WELLVAULT_PORT", ["-1", "65536", "http", "1.5", "0x50", " 80"]],
  ["WELLVAULT_POOL_SIZE", ["0", "1001", "ten"]],
  ["WELLVAULT_POOL_WAIT_MS", ["0", "3600001", "5s"]],
  ["WELLVAULT_DEFAULT_TIMEOUT_MS", ["0", "3600001", "1s", "60001"]],
  ["WELLVAULT_MAX_TIMEOUT_MS", ["0", "3600001", "9999"]],
  ["WELLVAULT_DRAIN_TIMEOUT_MS", ["-1", "600001"]],
  ["WELLVAULT_LEAN_UNARY", ["no", "ON"]],
  ["WELLVAULT_LOG_LEVEL", ["loud", "INFO"]],
  ["DATABASE_URL", ["localhost", "mysql://localhost/x", "postgresql://localhost", "postgresql://localhost/"]],
])("%s must be usable", (name, values) => {
  for (const value of values) {
    expect(() => readConfig({ [name]: value }), value).toThrow(ConfigError);
    expect(() => readConfig({ [name]: value }), value).toThrow(name);
  }
});

import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { as, openClients } from "../support/clients.ts";
import { type RunningProgram, runProgram } from "../support/process.ts";

let folder: string;
let running: RunningProgram | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-start-"));
});
afterAll(async () => {
  await running?.end("SIGTERM");
  await rm(folder, { recursive: true, force: true });
});

function start(env: Record<string, string> = {}): RunningProgram {
  return runProgram("src/main.ts", { WELLVAULT_DATA_DIR: folder, WELLVAULT_PORT: "0", ...env });
}

async function address(program: RunningProgram): Promise<string> {
  return (await program.until(/address +(http:\/\/\S+)[\s\S]*Ctrl-C stops/))[1] ?? "";
}

/** Lists the tenants; the service behind `url` must answer. */
async function tenantsAt(url: string): Promise<string[]> {
  const clients = openClients(url);
  try {
    const { tenants } = await clients.tenants.listTenants({}, as("platform_operator"));
    return tenants.map((tenant) => tenant.tenantId);
  } finally {
    clients.close();
  }
}

test("a first start makes its data, Ctrl-C stops both, a second start finds it again", {
  timeout: 90_000,
}, async () => {
  running = start();
  const first = await address(running);
  const clients = openClients(first);
  await clients.tenants.provisionTenant({ tenantId: "acme", displayName: "Acme" }, as("platform_operator"));
  clients.close();
  const [, urlFile = ""] = await running.until(/psql "\$\(cat '([^']+)'\)"/);
  const databaseUrl = (await readFile(urlFile, "utf8")).trim();
  expect((await stat(urlFile)).mode & 0o077).toBe(0);

  expect(await running.end("SIGINT")).toBe(0);
  expect(running.output()).toContain("Stopped.");
  const client = new pg.Client({ connectionString: databaseUrl });
  await expect(client.connect(), "PostgreSQL is still running").rejects.toThrow(/ECONNREFUSED/);

  running = start();
  expect(await tenantsAt(await address(running))).toEqual(["acme"]);
});

test("a start beside a running one says so and does it no harm", { timeout: 60_000 }, async () => {
  const beside = start();
  expect(await beside.exit).toBe(1);
  expect(beside.output()).toMatch(
    /already running here: .*http:\/\/127\.0\.0\.1:\d+[\s\S]*WELLVAULT_DATA_DIR and WELLVAULT_PORT/,
  );
  expect(await tenantsAt(await address(running as RunningProgram))).toEqual(["acme"]);
});

test("after the service was killed the hard way a start takes over its database", { timeout: 60_000 }, async () => {
  await (running as RunningProgram).end("SIGKILL");
  running = start();
  expect(await tenantsAt(await address(running))).toEqual(["acme"]);
});

test("a database that was killed is started again and the service recovers by itself", {
  timeout: 60_000,
}, async () => {
  const url = await address(running as RunningProgram);
  const pid = Number((await readFile(join(folder, "postgres/postmaster.pid"), "utf8")).split("\n")[0]);
  process.kill(pid, "SIGKILL");
  await (running as RunningProgram).until(/the embedded database is back/);
  await expect
    .poll(() => tenantsAt(url).catch((error: unknown) => String(error)), { timeout: 20_000 })
    .toEqual(["acme"]);
});

test("a Ctrl-C during the start leaves nothing running", { timeout: 60_000 }, async () => {
  expect(await (running as RunningProgram).end("SIGTERM")).toBe(0);
  running = start();
  await running.until(/Starting PostgreSQL/);
  expect(await running.end("SIGINT")).toBe(0);
  running = start();
  expect(await tenantsAt(await address(running))).toEqual(["acme"]);
});

test("a port that is taken is named with the way out, and the database is stopped again", {
  timeout: 60_000,
}, async () => {
  expect(await (running as RunningProgram).end("SIGTERM")).toBe(0);
  running = undefined;
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  const { port } = other.address() as { port: number };
  const program = start({ WELLVAULT_PORT: String(port) });
  expect(await program.exit).toBe(1);
  expect(program.output()).toMatch(/port is taken[\s\S]*WELLVAULT_PORT/);
  other.close();
  running = start();
  expect(await tenantsAt(await address(running))).toEqual(["acme"]);
});

import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { SealedReport } from "../../src/verify/seal.ts";
import { type CommandRun, callCommand, spawnCommand } from "../support/command.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";

let own: OwnServer;
let folder: string;

// Some commands are processes of their own, and each verification looks at everything.
vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  own = await startOwnServer();
  folder = await mkdtemp(join(tmpdir(), "wellvault-verify-"));
});
afterAll(async () => {
  await own?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command on the test's database. */
function wellvault(args: readonly string[], env: Record<string, string> = {}, by = callCommand): Promise<CommandRun> {
  return by(args, { DATABASE_URL: own.database.url, ...env });
}

test("migrate, verify, keys: the way of an auditor", async () => {
  const migrated = await wellvault(["migrate", "--json"], {}, spawnCommand);
  expect(migrated).toMatchObject({ status: 0 });
  expect(JSON.parse(migrated.stdout)).toMatchObject({ hardened: true, vaults: 0, vaultsMigrated: 0, tokenKeys: 1 });
  await own.database.admin.query("insert into control.companies (tenant_id, display_name) values ('acme', 'Acme')");

  const { privateKey, publicKey } = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const privateFile = join(folder, "private.pem");
  const publicFile = join(folder, "public.pem");
  const out = join(folder, "report");
  await writeFile(privateFile, privateKey);
  await writeFile(publicFile, publicKey);
  const verified = await wellvault(["verify", "--json", "--out", out, "--sign-key", privateFile], {}, spawnCommand);
  expect(verified.stderr).not.toContain("rror");
  expect(verified.status).toBe(0);
  const sealed = JSON.parse(verified.stdout) as SealedReport;
  expect(sealed.report).toMatchObject({ result: "passed", companies: 2, canary: { called: ["acme"], tenants: 1 } });
  expect(sealed.report.checks.length).toBeGreaterThan(40);
  expect(JSON.parse(await readFile(`${out}.json`, "utf8"))).toEqual(sealed);
  expect(await readFile(`${out}.txt`, "utf8")).toContain(sealed.seal.digest);

  const check = ["verify", "--check-report", `${out}.json`, "--public-key", publicFile];
  expect(await wellvault(check)).toMatchObject({ status: 0 });
  const text = await readFile(`${out}.json`, "utf8");
  await writeFile(`${out}.json`, text.replace('"companies": 2', '"companies": 3'));
  expect(await wellvault(check, {}, spawnCommand)).toMatchObject({
    status: 1,
    stdout: expect.stringContaining("CHANGED"),
  });

  // A violation, and a login that somebody else has the password of.
  await own.database.admin.query("alter role wellvault_app password 'stolen'; create schema public");
  const failed = await wellvault(["verify"]);
  expect(failed.status).toBe(1);
  expect(failed.stdout).toContain("FINDING: schemas");
  expect(failed.stdout).toContain("login wellvault_app: is refused with the derived password");
  expect(failed.stdout).toContain("NOT DONE: canary-control");
  await own.database.admin.query("drop schema public");
});

test("a change of keys: listed, told, and ended when it is confirmed", async () => {
  const changed = { WELLVAULT_TOKEN_SECRET: "another" };
  expect(await wellvault(["keys", "--retire", "--yes"], changed)).toMatchObject({ status: 2 });
  // The command sets the stolen password right besides.
  const migrated = await wellvault(["migrate"], changed);
  expect(migrated).toMatchObject({ status: 0, stdout: expect.stringContaining("Passwords set: wellvault_app") });
  const noted = await wellvault(["verify"], changed);
  expect(noted).toMatchObject({ status: 0, stdout: expect.stringContaining("NOTE: token-key-rotation") });
  const refused = await wellvault(["keys", "--retire"], changed);
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("--yes") });
  const retired = await wellvault(["keys", "--retire", "--yes", "--json"], changed, spawnCommand);
  expect(JSON.parse(retired.stdout)).toMatchObject({ retired: 1, keys: [{ own: true }] });
});

test("what cannot be checked ends with 2", async () => {
  const url = new URL(own.database.url);
  url.port = "1";
  expect(await wellvault(["verify"], { DATABASE_URL: url.href })).toMatchObject({ status: 2 });
  const none = { DATABASE_URL: "", WELLVAULT_DATA_DIR: join(folder, "none") };
  const nowhere = await wellvault(["verify"], none, spawnCommand);
  expect(nowhere).toMatchObject({ status: 2, stderr: expect.stringContaining("DATABASE_URL") });
});

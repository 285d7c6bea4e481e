import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { type AuditorConnection, openAuditorConnection } from "../../src/verify/auditor-connection.ts";
import { checkLoginPasswords } from "../../src/verify/login-passwords.ts";
import { migrateForTest } from "../support/migrate.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";

let own: OwnServer;
let connection: AuditorConnection;
const urlOf = (login: string) => loginUrl(own.database.url, login, undefined);

beforeAll(async () => {
  own = await startOwnServer();
  await migrateForTest(own.database.url);
  connection = await openAuditorConnection(urlOf("wellvault_auditor"));
});
afterAll(async () => {
  await connection?.close();
  await own?.close();
});

/** What the check finds while the line comes first in pg_hba.conf. */
async function foundWith(line: string): Promise<string[]> {
  const file = join(own.server.folder, "postgres/pg_hba.conf");
  const before = await readFile(file, "utf8");
  await writeFile(file, `${line}\n${before}`);
  const reload = async () => {
    await own.database.admin.query("select pg_reload_conf()");
    // The postmaster reads the file a moment later.
    await new Promise((done) => setTimeout(done, 500));
  };
  await reload();
  try {
    const { findings } = await checkLoginPasswords(connection, urlOf);
    return findings.map(({ object, problem }) => `${object} ${problem}`);
  } finally {
    await writeFile(file, before);
    await reload();
  }
}

test("with passwords nothing is found", async () => {
  expect(await foundWith("# as it was")).toEqual([]);
});

test("a login that is trusted is found", async () => {
  expect(await foundWith("host all wellvault_app 127.0.0.1/32 trust")).toEqual([
    "login wellvault_app is let in with a wrong password",
  ]);
});

test("a login that is trusted and may not connect is found", async () => {
  const { admin, url } = own.database;
  const database = new URL(url).pathname.slice(1);
  await admin.query(`revoke connect on database ${database} from wellvault_app`);
  const found = await foundWith("host all wellvault_app 127.0.0.1/32 trust");
  await admin.query(`grant connect on database ${database} to wellvault_app`);
  expect(found).toContain("login wellvault_app is let in with a wrong password");
});

import pg from "pg";
import { expect, inject, test } from "vitest";
import { startOwnServer } from "../support/own-server.ts";
import { testPrograms, versionVariable } from "../support/versions.ts";

const wanted = process.env[versionVariable] || "18";

async function majorOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
    return rows[0]?.version.split(".")[0] ?? "";
  } finally {
    await client.end();
  }
}

// A server of the developer's own is whatever it is.
test.skipIf(process.env["WELLVAULT_TEST_DATABASE_URL"])("the tests run on the version that was asked for", async () => {
  expect(await majorOf(inject("serverUrl"))).toBe(wanted);
});

test("and so do the tests that start a server of their own", async () => {
  const own = await startOwnServer();
  try {
    expect(await majorOf(own.server.url)).toBe(wanted);
  } finally {
    await own.close();
  }
});

test("a version that there is not is refused, by the variable's name", () => {
  process.env[versionVariable] = "15";
  try {
    expect(() => testPrograms()).toThrow(`${versionVariable} must be one of 16, 17, 18.`);
  } finally {
    process.env[versionVariable] = wanted;
  }
});

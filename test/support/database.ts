import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

/** A database of its own for one test file. */
export interface TestDatabase {
  /** URL as the superuser. */
  readonly url: string;
  /** A connection as the superuser. */
  readonly admin: pg.Client;
  /** Drops the database and the vault roles that it made. */
  drop(): Promise<void>;
}

/** Creates an empty database on the server that all tests share. */
export async function createTestDatabase(serverUrl: string = inject("serverUrl")): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(serverUrl, (client) => client.query(`create database ${name}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const admin = new pg.Client({ connectionString: url.href });
  // A test may crash the server below this connection.
  admin.on("error", () => undefined);
  await admin.connect();
  return {
    url: url.href,
    admin,
    async drop() {
      const vaults = await admin
        .query<{ vault: string }>("select vault::text from control.companies")
        .then((result) => result.rows.map((row) => row.vault))
        .catch(() => []);
      await admin.end();
      await onServer(serverUrl, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
        for (const vault of vaults) await client.query(`drop role if exists ${client.escapeIdentifier(vault)}`);
      });
    },
  };
}

async function onServer(serverUrl: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

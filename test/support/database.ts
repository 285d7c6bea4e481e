import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { completeCopy, onServer } from "./template.ts";

/** A database of its own for one test file. */
export interface TestDatabase {
  /** URL as the superuser. */
  readonly url: string;
  /** A connection as the superuser. */
  readonly admin: pg.Client;
  /** Drops the database and the vault roles that it made. */
  drop(): Promise<void>;
}

/** Creates an empty database, on the server that all tests share if none is given. */
export async function createTestDatabase(serverUrl: string = inject("serverUrl")): Promise<TestDatabase> {
  return await create(serverUrl, undefined);
}

/**
 * Creates a database whose control plane is migrated, without companies and without a key of the tenant tokens, on the
 * server that all tests share. Whoever migrates it again finds nothing to apply.
 */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  return await create(inject("serverUrl"), inject("template"));
}

async function create(serverUrl: string, template: string | undefined): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(serverUrl, async (client) => {
    // The files are copied with those that every first connection would have to make otherwise.
    await client.query(`create database ${name} template ${template ?? "template1"} strategy file_copy`);
    if (template) await completeCopy(client, template, name);
  });
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

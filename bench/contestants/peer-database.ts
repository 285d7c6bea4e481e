import { randomBytes, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import type { Person } from "../load/order.ts";
import { seededEntries, tenantIdOf } from "./tenants.ts";

const sqlFolder = join(import.meta.dirname, "../../sql/tenant");

/** The login of all peers: member of every tenant's role, with no right of its own, as the service's is. */
const peerLogin = "bench_peer";

/** The peers' databases and who is in them. */
export interface PeerDatabases {
  /** URL of a database as the peers' login. */
  urlOf(database: string): string;
  readonly people: readonly Person[];
  /** Schema and role of each tenant, one name for both, in the order of {@link people}. */
  readonly schemas: readonly string[];
}

/** The name of a tenant's schema and role. */
function schemaOf(index: number): string {
  return `bench_t${String(index + 1).padStart(5, "0")}`;
}

/**
 * Makes databases for the peers that isolate: for each tenant a role and a schema with the tables, keys and
 * indexes of a vault, without its row level security and its stamps, which the peers do not have. The first
 * database is made and the others are copies of it. One more, `unisolated`, has one set of tables for all.
 *
 * @param serverUrl URL of any database of the server, as a superuser
 * @param isolated names of the databases to make
 * @param withEntries of how many tenants, from the front, the reader has entries
 * @param onMade told after each tenant
 */
export async function makePeerDatabases(
  serverUrl: string,
  isolated: readonly string[],
  count: number,
  withEntries: number,
  onMade: () => void,
): Promise<PeerDatabases> {
  const password = randomBytes(16).toString("hex");
  const people = Array.from({ length: count }, (_, index) => ({
    tenantId: tenantIdOf(index),
    writerId: randomUUID(),
    readerId: randomUUID(),
  }));
  await withClient(databaseUrl(serverUrl, "postgres"), async (admin) => {
    await admin.query(`create role ${peerLogin} login noinherit password '${password}'`);
    for (const database of [...isolated.slice(0, 1), "unisolated"]) await admin.query(`create database ${database}`);
  });
  const [first, ...others] = isolated;
  if (first) await withClient(databaseUrl(serverUrl, first), (admin) => fill(admin, people, withEntries, onMade));
  await withClient(databaseUrl(serverUrl, "postgres"), async (admin) => {
    for (const other of others) await admin.query(`create database ${other} template ${first} strategy file_copy`);
    for (const database of [...isolated, "unisolated"]) {
      await admin.query(`grant connect on database ${database} to ${peerLogin}`);
    }
  });
  await withClient(databaseUrl(serverUrl, "unisolated"), (admin) => fillShared(admin, people, withEntries));
  return {
    people,
    schemas: people.map((_, index) => schemaOf(index)),
    urlOf(database) {
      const url = new URL(databaseUrl(serverUrl, database));
      url.username = peerLogin;
      url.password = password;
      return url.href;
    },
  };
}

/** The same server's URL for another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Opens a client for a piece of work and closes it. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function fill(admin: pg.Client, people: readonly Person[], withEntries: number, onMade: () => void) {
  // Those that say which tables, keys and indexes there are; the others are about stamps, states, days and policies.
  const files = ["0001_employees.sql", "0002_log_entries.sql", "0003_samples.sql", "0007_samples_key.sql"];
  const tables = (await Promise.all(files.map((file) => readFile(join(sqlFolder, file), "utf8")))).join("\n");
  await admin.query("create table public.tenants (tenant_id text primary key, schema_name name not null)");
  await admin.query(`grant select on public.tenants to ${peerLogin}`);
  for (const [index, person] of people.entries()) {
    const schema = schemaOf(index);
    // Simple protocol, so that a tenant is one message and one transaction.
    await admin.query(`
      create role ${schema} nologin noinherit;
      grant ${schema} to ${peerLogin} with inherit false, set true;
      create schema ${schema};
      grant usage on schema ${schema} to ${schema};
      set local search_path = ${schema};
      ${tables.replaceAll('"$vault"', schema)}
      insert into public.tenants values ('${person.tenantId}', '${schema}');
      insert into employees (employee_no, employee_id, external_id)
        values (1, '${person.writerId}', 'writer'), (2, '${person.readerId}', 'reader');
      insert into sample_sources (source_no, slug, daily) values (1, 'bench', false);
      ${index < withEntries ? seed("") : ""}`);
    onMade();
  }
}

/** One set of tables whose keys begin with the tenant: how services keep tenants when they do not isolate them. */
async function fillShared(admin: pg.Client, people: readonly Person[], withEntries: number): Promise<void> {
  await admin.query(await readFile(join(import.meta.dirname, "../peers/shared-tables.sql"), "utf8"));
  await admin.query(`grant select, insert, update on all tables in schema public to ${peerLogin}`);
  for (const [index, { tenantId, writerId, readerId }] of people.entries()) {
    await admin.query(`
      insert into employees (tenant_id, employee_no, employee_id, external_id)
        values ('${tenantId}', 1, '${writerId}', 'writer'), ('${tenantId}', 2, '${readerId}', 'reader');
      insert into sample_sources (tenant_id, source_no, slug, daily) values ('${tenantId}', 1, 'bench', false);
      ${index < withEntries ? seed(tenantId) : ""}`);
  }
}

/** The statement that gives the reader its entries; of a tenant in shared tables when one is named. */
function seed(tenantId: string): string {
  const rows = seededEntries().map(({ entryId, startMs, note, valence, labels }) => {
    const detail = JSON.stringify({ valence, labels });
    const values = `2, '${entryId}', 1, '${new Date(startMs).toISOString()}', 60, 'bench', 1, '${note}', '${detail}'`;
    return tenantId ? `('${tenantId}', ${values})` : `(${values})`;
  });
  return `insert into log_entries (${tenantId ? "tenant_id, " : ""}employee_no, entry_id, type, start_time,
    utc_offset_minutes, source, version, note, detail) values ${rows.join(", ")};`;
}

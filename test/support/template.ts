import { randomBytes } from "node:crypto";
import pg from "pg";
import { migrateForTest } from "./migrate.ts";

/** A migrated database without companies that test databases are copied from. */
export interface Template {
  readonly name: string;
  /** Drops it. The copies stay. */
  drop(): Promise<void>;
}

/**
 * Migrates a database of the server, so that the many tests which begin with a migrated one copy it, which takes a
 * tenth of the time. Nobody may be connected to it when it is copied.
 *
 * @param serverUrl URL of any other database of the server, as its superuser
 */
export async function createTemplate(serverUrl: string): Promise<Template> {
  const name = `template_${randomBytes(6).toString("hex")}`;
  await onServer(serverUrl, (client) => client.query(`create database ${name} strategy file_copy`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await migrateForTest(url.href);
  // Each test signs tenant tokens with a key of its own, which is to be the only one.
  await onServer(url.href, (client) => client.query("delete from guard.keys"));
  return {
    name,
    drop: () => onServer(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

/**
 * Gives a copy of a database what CREATE DATABASE does not copy, because it stands outside of it: the privileges on
 * the database and the settings of roles in it.
 *
 * @param client connection to the server as its superuser
 */
export async function completeCopy(client: pg.Client, template: string, copy: string): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('grant %s on database %I to %s%s', a.privilege_type, $2::text,
       case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
       case when a.is_grantable then ' with grant option' else '' end) as statement
     from pg_database as d
     cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
     where d.datname = $1`,
    [template, copy],
  );
  const grants = rows.map((row) => row.statement);
  await client.query([`revoke all on database ${copy} from public`, ...grants].join(";\n"));
  await client.query(
    `insert into pg_db_role_setting (setdatabase, setrole, setconfig)
     select c.oid, s.setrole, s.setconfig
     from pg_db_role_setting as s
     join pg_database as t on t.oid = s.setdatabase and t.datname = $1
     join pg_database as c on c.datname = $2`,
    [template, copy],
  );
}

/** Runs some work on a connection of its own. */
export async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

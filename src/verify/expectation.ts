import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Migration, readMigrations, sqlFolder } from "../database/migrations.ts";
import type { AuditorConnection } from "./auditor-connection.ts";
import { prelude } from "./prelude.ts";

/** What a freshly migrated database looks like: lines, as the queries of `sql/verify` make them. */
export interface MigratedShape {
  /** The text of every policy, with $company for the company's id. */
  readonly policy: string;
  /** What a vault consists of, by part. */
  readonly vault: Readonly<Record<string, readonly string[]>>;
  /** The functions of the schemas control and guard. */
  readonly functions: readonly string[];
  /** Everything else in them. */
  readonly control: readonly string[];
  /** What the service's roles are mentioned on. */
  readonly service: readonly string[];
}

/** What the checks compare the database with; the parameter `$1` of every query in `sql/verify`. */
export interface Expectation extends MigratedShape {
  /** The role of DATABASE_URL, which owns the schema control and some rights in it. */
  readonly migrator: string;
  /** The key that this configuration signs tenant tokens with; null when it is not known. */
  readonly keyId: string | null;
  /** Number of the newest tenant migration. */
  readonly tenantVersion: number;
  /** SHA-256 of what PostgreSQL's own functions are, by its version as `server_version_num` tells it. */
  readonly builtinFunctions: Readonly<Record<string, string>>;
  readonly migrations: readonly (Omit<Migration, "body"> & { readonly folder: "control" | "tenant" })[];
}

/** Where the shape stands. `node tools/verify-shape.ts` makes it from a fresh database; a test compares. */
export const shapeFile = join(sqlFolder, "verify/shape.json");

/** Where the sums of PostgreSQL's own functions stand; `node tools/verify-builtins.ts` makes them from fresh servers. */
export const builtinFunctionsFile = join(sqlFolder, "verify/builtin-functions.json");

/** Reads what is expected of a database: its shape, and the migrations of this version. */
export async function readExpectation(migrator: string, keyId: string | null): Promise<Expectation> {
  const shape = JSON.parse(await readFile(shapeFile, "utf8")) as MigratedShape;
  const builtinFunctions = JSON.parse(await readFile(builtinFunctionsFile, "utf8")) as Record<string, string>;
  const folders = await Promise.all(
    (["control", "tenant"] as const).map(async (folder) =>
      (await readMigrations(join(sqlFolder, folder))).map(({ body: _, ...migration }) => ({ ...migration, folder })),
    ),
  );
  const migrations = folders.flat();
  const tenantVersion = migrations.filter(({ folder }) => folder === "tenant").length;
  return { ...shape, migrator, keyId, tenantVersion, builtinFunctions, migrations };
}

/** Reads the shape of a database that was just migrated and has one company. */
export async function readShape(connection: AuditorConnection, migrator: string): Promise<MigratedShape> {
  const read = async (part: string, sql: string) => {
    const rows = await connection.query<{ line: string }>(
      `${await prelude()} lines as (${sql}) select line from lines order by line collate "C"`,
      [JSON.stringify({ migrator, service: [], functions: [] })],
    );
    return [part, rows.map((row) => row.line)] as const;
  };
  const inCheck = async (id: string, expression: string) => {
    const sql = (await readFile(join(sqlFolder, `verify/${id}.sql`), "utf8")).replace(
      /\nselect null::text as tenant_id[\s\S]*$/,
      "",
    );
    return `${sql}\n${expression}`;
  };
  const parts = ["grant", "relation", "column", "constraint", "index"];
  const vault = [];
  for (const part of parts) {
    vault.push(await read(part, `select distinct line from vault_lines where part = '${part}'`));
  }
  const [, policies] = await read("", "select distinct text as line from expressions where catalogue = 'policy'");
  const [, functions] = await read("", await inCheck("control-functions", "select line from found"));
  const [, control] = await read("", "select line from control_lines");
  const [, service] = await read(
    "",
    await inCheck(
      "service-privileges",
      "select distinct concat_ws(' ', rolname, deptype, identity) as line from found",
    ),
  );
  if (policies.length !== 1) throw new Error(`a vault has ${policies.length} kinds of policy expressions`);
  return { policy: policies[0] ?? "", vault: Object.fromEntries(vault), functions, control, service };
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { loginUrl } from "../../../src/database/logins.ts";
import { readMigrations } from "../../../src/database/migrations.ts";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import { openTenantSessions } from "../../../src/tenancy/sessions.ts";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../../src/tenancy/tenant-tokens.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { migrateForTest, testTokenKey } from "../../support/migrate.ts";
import { letObserve } from "../../support/observe.ts";
import { openWireTap, type WireTap } from "../../support/wire-tap.ts";
import { libraryEntities } from "./entities.ts";

/** Stands in every text that a test gives to the ORM as a value; it must never be seen in SQL. */
export const needle = "n33dle'\"\\";
/** A number that stands nowhere else, for the same end. */
export const needleNumber = 918_273_645;
const needles = [/n33dle/, /918_?273_?645/];

/** The data plane with the tables of library.sql in its vaults, and a tap on its wire. */
export interface Library {
  readonly database: TestDatabase;
  readonly tap: WireTap;
  /** The tenant that most tests need. */
  readonly tenant: TenantEntry;
  provision(tenantId: string): Promise<TenantEntry>;
  /** Opens a session of a tenant, default {@link Library.tenant}. */
  open(options?: { tenant?: TenantEntry; signal?: AbortSignal; timeoutMs?: number }): TenantSession;
  /** Runs a statement in the vault of {@link Library.tenant} as the superuser, to whom every row is shown. */
  admin<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Empties the tables of library.sql in every vault. */
  empty(): Promise<void>;
  /**
   * Fails when a value was seen in SQL, or anything but the extended protocol.
   */
  expectNoValueSent(): void;
  close(): Promise<void>;
}

/** Opens a {@link Library} in a database of its own. */
export async function openLibrary(poolSize = 3): Promise<Library> {
  const database = await createTestDatabase();
  const released = await readMigrations(join(import.meta.dirname, "../../../sql/tenant"));
  const body = await readFile(join(import.meta.dirname, "library.sql"), "utf8");
  const added = { version: released.length + 1, name: "library", body, checksum: "test" };
  await migrateForTest(database.url, { tenantMigrations: [...released, added] });
  await letObserve(database.admin);
  const tap = await openWireTap(database.url);
  const sessions = openTenantSessions({
    urlOf: (login) => tap.through(loginUrl(database.url, login, undefined)),
    loginCount: 1,
    tokens: createTenantTokens(testTokenKey),
    poolSize,
    entities: libraryEntities,
    onWarning: () => undefined,
  });
  const vaults: string[] = [];
  const provision = async (tenantId: string): Promise<TenantEntry> => {
    const { rows } = await database.admin.query<{ company_id: string; vault: string; login: string }>(
      `insert into control.companies (tenant_id, display_name) values ($1, $1)
       returning company_id, vault::text as vault, login::text as login`,
      [tenantId],
    );
    if (!rows[0]) throw new Error("nothing was provisioned");
    const { company_id: companyId, vault, login } = rows[0];
    vaults.push(vault);
    return { tenantId, companyId, vault, login, placement: "default", state: "ACTIVE", schemaVersion: 0 };
  };
  const tenant = await provision("library");
  await database.admin.query(`set search_path = ${tenant.vault}, pg_catalog`);
  return {
    database,
    tap,
    tenant,
    provision,
    open: (options = {}) =>
      sessions.open({ tenant, signal: new AbortController().signal, timeoutMs: 10_000, ...options }),
    admin: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await database.admin.query<Row>(text, values)).rows,
    async empty() {
      const tables = ["books_tags", "tags", "books", "authors", "specimens"];
      for (const vault of vaults) {
        await database.admin.query(`truncate ${tables.map((table) => `${vault}.${table}`).join(", ")}`);
      }
      tap.clear();
    },
    expectNoValueSent() {
      for (const sql of tap.statements()) {
        for (const value of needles) expect(sql).not.toMatch(value);
      }
      expect(tap.sent.filter(({ type }) => type === "Q")).toEqual([]);
    },
    async close() {
      await sessions.close();
      await tap.close();
      await database.drop();
    },
  };
}

/** Two authors with three books and three tags between them. */
export async function fillLibrary(library: Library): Promise<void> {
  await library.database.admin.query(`
    insert into authors (author_id, name, rating) values (1, 'Ada', 9.5), (2, 'Bert', null), (3, 'Cleo', 4);
    insert into books (book_id, author_id, title, pages)
      values (1, 1, 'Engines', 300), (2, 1, 'Notes', 20), (3, 2, 'Waves', null);
    insert into tags (tag_id, label) values (1, 'science'), (2, 'short'), (3, 'unused');
    insert into books_tags (book_id, tag_id) values (1, 1), (2, 1), (2, 2), (3, 1);
  `);
}

import { glob } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { pin, pinForKept, pinValues } from "../../src/database/pin.ts";
import type { Statement } from "../../src/database/statement.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";

// A plan that is kept is as old as its connection. What is quickest for the few rows of a new company would read all
// rows of a large one, until PostgreSQL analyses the table by itself, which is minutes later.

const root = join(import.meta.dirname, "../..");
let plane: PinnedPlane;
let tenant: TenantEntry;
beforeAll(async () => {
  plane = await openPinnedPlane(1);
  tenant = await plane.provision("small");
  const { admin } = plane.database;
  await admin.query(`set search_path = ${tenant.vault}`);
  await admin.query(`
    insert into employees (employee_no, employee_id, external_id)
      select n, gen_random_uuid(), n from generate_series(1, 5) as n;
    insert into log_entries (employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, detail)
      select 1 + n % 5, n, 1, now() + n * interval '1 hour', 0, 'app', 1, '{}' from generate_series(1, 20) as n;
    insert into sample_sources values (1, 'watch', false);
    insert into samples select now(), 1, now(), 1, 1, 0, 1, 1, 0, 0;
    analyze employees, log_entries, sample_sources, samples`);
});
afterAll(() => plane.close());

/** The statements of the source that are kept. */
async function keptTexts(): Promise<string[]> {
  const texts: string[] = [];
  for await (const file of glob("src/{logs,metrics,employees}/**/*.ts", { cwd: root })) {
    const module = (await import(join(root, file))) as Record<string, unknown>;
    for (const value of Object.values(module)) {
      if (typeof value !== "object" || value === null || !("isKept" in value)) continue;
      const { text, isKept } = value as Statement<[], unknown>;
      if (isKept) texts.push(text);
    }
  }
  return texts;
}

/** The plan of a statement in a transaction with the pin, for values that are not known. */
async function planUnder(client: pg.Client, pinText: string, text: string): Promise<string> {
  const settings = {
    search_path: `"${tenant.vault}", pg_temp`,
    statement_timeout: "10000",
    "wellvault.company": tenant.companyId,
    "wellvault.token": createTenantTokens(testTokenKey).sign(tenant.companyId, 10_000),
  };
  await client.query("begin");
  await client.query(pinText, pinValues({ role: tenant.vault, settings }));
  if (pinText === pin) await client.query("set local plan_cache_mode = force_generic_plan");
  await client.query(`prepare kept as ${text}`);
  const values = [...new Set(text.match(/\$\d+/g))].map(() => "null").join(", ");
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain execute kept (${values})`);
  await client.query("rollback");
  await client.query("deallocate kept");
  return rows.map((row) => row["QUERY PLAN"]).join("\n");
}

test("no kept plan of a company that is still small reads a whole table", async () => {
  const client = new pg.Client({ connectionString: loginUrl(plane.database.url, "wellvault_app", undefined) });
  await client.connect();
  const texts = await keptTexts();
  expect(texts.length).toBeGreaterThan(3);
  for (const text of texts) {
    expect(await planUnder(client, pinForKept, text)).not.toContain("Seq Scan");
    // The control: it would.
    expect(await planUnder(client, pin, text)).toContain("Seq Scan");
  }
  await client.end();
});

import pg from "pg";
import { loginUrl } from "../../database/logins.ts";
import { type Attempt, allowed } from "./attempts.ts";
import type { TemporaryService } from "./temporary-service.ts";

/**
 * Tries below the API, with the data plane's own login, what the database itself must refuse: what a
 * defect in the service could at worst send.
 *
 * @param here tenant id of the company whose vault the statements are pinned to
 * @param there tenant id of the company that must stay out of reach
 */
export async function trySql(service: TemporaryService, here: string, there: string): Promise<Attempt[]> {
  const [ownVault, foreignVault] = await vaultsOf(service, [here, there]);
  const client = new pg.Client({
    connectionString: loginUrl(service.databaseUrl, "wellvault_app", service.loginSecret),
  });
  await client.connect();
  try {
    const own = client.escapeIdentifier(ownVault);
    const foreign = client.escapeIdentifier(foreignVault);
    const pin = `set local role ${own}`;
    const attempts: Attempt[] = [];
    for (const [what, expected, statements] of [
      [`SQL pinned to ${here}'s vault reads ${here}'s samples`, allowed, [pin, `select from ${own}.samples limit 1`]],
      [`SQL pinned to ${here}'s vault reads ${there}'s`, "42501", [pin, `select from ${foreign}.samples limit 1`]],
      [`SQL pinned to no vault reads ${there}'s`, "42501", [`select from ${foreign}.samples limit 1`]],
      [`SQL pinned to no vault names no schema`, "42P01", ["select from samples limit 1"]],
    ] as const) {
      attempts.push({ what, expected, answered: await answerOf(client, statements) });
    }
    return attempts;
  } finally {
    await client.end();
  }
}

/** Runs the statements in a transaction and says how the last one was answered. */
async function answerOf(client: pg.Client, statements: readonly string[]): Promise<string> {
  await client.query("begin");
  try {
    for (const statement of statements.slice(0, -1)) await client.query(statement);
    return await client.query(statements.at(-1) ?? "").then(
      () => allowed,
      (error: unknown) => (error instanceof pg.DatabaseError ? (error.code ?? error.message) : String(error)),
    );
  } finally {
    await client.query("rollback");
  }
}

async function vaultsOf(service: TemporaryService, tenantIds: readonly [string, string]): Promise<[string, string]> {
  const client = new pg.Client({ connectionString: service.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ tenant_id: string; vault: string }>(
      "select tenant_id, vault::text as vault from control.companies",
    );
    const vaults = new Map(rows.map((row) => [row.tenant_id, row.vault]));
    const [here, there] = tenantIds.map((tenantId) => vaults.get(tenantId));
    if (!here || !there) throw new Error("The directory lacks a company that was provisioned.");
    return [here, there];
  } finally {
    await client.end();
  }
}

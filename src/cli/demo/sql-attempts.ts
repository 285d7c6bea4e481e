import pg from "pg";
import { loginUrl, requireLoginSecret } from "../../database/logins.ts";
import { deriveTokenKey } from "../../database/token-key.ts";
import { createTenantTokens } from "../../tenancy/tenant-tokens.ts";
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
  const [ownCompany, foreignCompany] = await companiesOf(service, [here, there]);
  const tokens = createTenantTokens(deriveTokenKey(requireLoginSecret(service.databaseUrl, service.loginSecret)));
  const client = new pg.Client({
    connectionString: loginUrl(service.databaseUrl, "wellvault_app", service.loginSecret),
  });
  await client.connect();
  try {
    const own = client.escapeIdentifier(ownCompany.vault);
    const foreign = client.escapeIdentifier(foreignCompany.vault);
    const token = `set local wellvault.token = ${client.escapeLiteral(tokens.sign(ownCompany.companyId, 60_000))}`;
    const pin = `set local role ${own}`;
    const other = `set local role ${foreign}`;
    const attempts: Attempt[] = [];
    for (const [what, expected, statements] of [
      [
        `SQL pinned to ${here}'s vault reads ${here}'s samples`,
        allowed,
        [token, pin, `select from ${own}.samples limit 1`],
      ],
      [
        `SQL pinned to ${here}'s vault reads ${there}'s`,
        "42501",
        [token, pin, `select from ${foreign}.samples limit 1`],
      ],
      [
        `SQL pinned to ${here}'s vault becomes ${there}'s role and reads`,
        "WV001",
        [token, pin, "reset role", other, `select from ${foreign}.samples limit 1`],
      ],
      [
        `SQL pinned to ${here}'s vault without a token reads ${here}'s`,
        "WV001",
        [pin, `select from ${own}.samples limit 1`],
      ],
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
      ({ rowCount }) => (rowCount === 0 ? "no rows" : allowed),
      (error: unknown) => (error instanceof pg.DatabaseError ? (error.code ?? error.message) : String(error)),
    );
  } finally {
    await client.query("rollback");
  }
}

interface Company {
  readonly companyId: string;
  readonly vault: string;
}

async function companiesOf(
  service: TemporaryService,
  tenantIds: readonly [string, string],
): Promise<[Company, Company]> {
  const client = new pg.Client({ connectionString: service.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ tenant_id: string; company_id: string; vault: string }>(
      "select tenant_id, company_id, vault::text as vault from control.companies",
    );
    const companies = new Map(rows.map((row) => [row.tenant_id, { companyId: row.company_id, vault: row.vault }]));
    const [here, there] = tenantIds.map((tenantId) => companies.get(tenantId));
    if (!here || !there) throw new Error("The directory lacks a company that was provisioned.");
    return [here, there];
  } finally {
    await client.end();
  }
}

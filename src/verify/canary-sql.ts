import { ExtendedClient } from "../database/extended-client.ts";
import { pin, pinValues } from "../database/pin.ts";
import { sqlStateOf } from "../database/sqlstate.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import type { TenantTokens } from "../tenancy/tenant-tokens.ts";
import { type CheckInfo, type CheckResult, doneCheck, type Finding, notRun } from "./check.ts";

/** The checks of {@link checkCanaryBySql}. */
export const canarySqlChecks: readonly [CheckInfo, CheckInfo, CheckInfo] = [
  {
    id: "canary-control",
    title: "The canary's own session sees its rows, so that the other checks could fail",
    remedy:
      "The canary is missing or empty. Start the service or run `wellvault migrate`, which make it, and verify again.",
    severity: "finding",
  },
  {
    id: "canary-refused",
    title: "A statement of any other vault on the canary's tables is refused by PostgreSQL (42501)",
    remedy:
      "The data plane's login, pinned to the vault that is told, read the canary: it can read other companies, too. Stop the service; the checks of rights and memberships say by which way.",
    severity: "finding",
  },
  {
    id: "canary-token",
    title: "With any other vault's token the canary's own role is refused",
    remedy:
      "The token wall does not hold: a session that becomes another vault's role sees its rows. Stop the service; the checks of policies and of the guard's functions say why.",
    severity: "finding",
  },
];

const [controlCheck, refusedCheck, tokenCheck] = canarySqlChecks;
const howControl = { description: "SQL as the data plane's login, pinned to the canary with its own token" };
const howRefused = {
  description: "SQL as each vault's login, pinned to it with its own token: select from the canary",
};
const howToken = { description: "SQL as the canary's login, under the canary's role, with each vault's own token" };

/** Vaults up to which every table of the canary is read by each; above, one table by each. */
const allTablesUpTo = 100;

/** What {@link checkCanaryBySql} needs. */
export interface CanarySqlOptions {
  readonly canary: TenantEntry;
  readonly others: readonly TenantEntry[];
  /** The canary's tables. */
  readonly tables: readonly string[];
  readonly urlOf: (login: string) => string;
  readonly tokens: TenantTokens;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (done: number, of: number) => void;
}

/**
 * Reads the canary as every other vault, below the service: with the logins of the data plane and with real
 * tokens. PostgreSQL writes a line into its log for each read under a wrong token; `wellvault verify` is the
 * name of the application in it.
 */
export async function checkCanaryBySql(options: CanarySqlOptions): Promise<CheckResult[]> {
  const { canary, others, tables, tokens, signal } = options;
  const startedAt = performance.now();
  const clients = new Map<string, Promise<ExtendedClient>>();
  const clientOf = (login: string) => {
    const client = clients.get(login) ?? connect(options.urlOf(login));
    clients.set(login, client);
    return client;
  };
  const read = async (login: string, vault: string, company: TenantEntry, table: string) => {
    const client = await clientOf(login);
    await client.query("begin");
    try {
      const settings = {
        search_path: `"${vault}", pg_temp`,
        statement_timeout: "10000",
        "wellvault.company": company.companyId,
        "wellvault.token": tokens.sign(company.companyId, 60_000),
      };
      await client.query({ text: pin, values: pinValues({ role: vault, settings }) });
      const text = `select count(*)::integer as count from "${canary.vault}"."${table}"`;
      const result = (await client.query({ text })) as { rows: { count: number }[] };
      return result.rows[0]?.count ?? 0;
    } finally {
      await client.query("rollback");
    }
  };
  try {
    const empty: Finding[] = [];
    for (const table of tables) {
      const count = await read(canary.login, canary.vault, canary, table);
      if (count === 0) empty.push({ tenantId: canary.tenantId, object: `table ${table}`, problem: "shows no rows" });
    }
    const control = { examined: tables.length, startedAt, findings: empty };
    const refused: Finding[] = [];
    const seen: Finding[] = [];
    for (const [index, other] of others.entries()) {
      signal?.throwIfAborted();
      const names = others.length <= allTablesUpTo ? tables : [tables[index % tables.length] ?? ""];
      const { tenantId } = other;
      const object = `vault ${other.vault}`;
      // Each table by itself: one that is refused must not hide one that is not.
      for (const table of names) {
        const state = await read(other.login, other.vault, other, table).then(
          (count) => `read ${count} rows of the canary's table ${table}`,
          (error: unknown) => (sqlStateOf(error) === "42501" ? undefined : failureOf(error)),
        );
        if (state) refused.push({ tenantId, object, problem: state });
        const shown = await read(canary.login, canary.vault, other, table).then(
          (count) => (count === 0 ? undefined : `its token shows ${count} rows of the canary's table ${table}`),
          (error: unknown) => (sqlStateOf(error) === "WV001" ? undefined : failureOf(error)),
        );
        if (shown) seen.push({ tenantId, object, problem: shown });
      }
      options.onProgress(index + 1, others.length);
    }
    const examined = others.length;
    return [
      doneCheck(controlCheck, howControl, control),
      doneCheck(refusedCheck, howRefused, { examined, startedAt, findings: refused }),
      doneCheck(tokenCheck, howToken, { examined, startedAt, findings: seen }),
    ];
  } catch (error) {
    signal?.throwIfAborted();
    return [
      notRun(controlCheck, howControl, startedAt, error),
      notRun(refusedCheck, howRefused, startedAt, error),
      notRun(tokenCheck, howToken, startedAt, error),
    ];
  } finally {
    await Promise.all([...clients.values()].map((client) => client.then((one) => one.end()).catch(() => undefined)));
  }
}

function failureOf(error: unknown): string {
  return `could not be tried: ${error instanceof Error ? error.message : String(error)}`;
}

async function connect(connectionString: string): Promise<ExtendedClient> {
  const client = new ExtendedClient({
    connectionString,
    application_name: "wellvault verify",
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

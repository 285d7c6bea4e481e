import pg from "pg";
import { loginUrl } from "../../../src/database/logins.ts";
import { pin, pinValues } from "../../../src/database/pin.ts";
import type { TenantEntry } from "../../../src/tenancy/tenant.ts";
import { createTenantTokens } from "../../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../../support/migrate.ts";
import type { AttackWorld } from "../support/world.ts";

/** A pool as it comes: nobody cleans its connections up between two callers. */
export interface PlainPool {
  /** Sends statements one by one in a transaction with the service's own pin. Returns the last one's rows. */
  pinned(tenant: TenantEntry, statements: readonly string[]): Promise<Record<string, unknown>[]>;
  /** Sends a statement without a pin. */
  bare(statement: string): Promise<Record<string, unknown>[]>;
  /** Calls back when a connection receives a notification. */
  onNotification(listener: (channel: string) => void): void;
  close(): Promise<void>;
}

const tokens = createTenantTokens(testTokenKey);

/** The token that the service would sign for a tenant now. */
export function tokenFor({ companyId }: TenantEntry): string {
  return tokens.sign(companyId, 10_000);
}

/** The pin; `local` says whether it ends with its transaction, as it should. */
export function pinOf(tenant: TenantEntry, local = true, path = `"${tenant.vault}", pg_temp`): pg.QueryConfig {
  const settings = {
    search_path: path,
    statement_timeout: "10000",
    "wellvault.company": tenant.companyId,
    "wellvault.token": tokenFor(tenant),
  };
  return {
    text: pin.replaceAll(", true)", `, ${local})`),
    values: pinValues({ role: tenant.vault, settings }),
  };
}

/**
 * Opens a pool of one connection.
 *
 * @param pathOf the search path of a tenant's pin; default the service's
 */
export function openPlainPool(
  { plane, a }: AttackWorld,
  pathOf: (tenant: TenantEntry) => string = ({ vault }) => `"${vault}", pg_temp`,
): PlainPool {
  const pool = new pg.Pool({ connectionString: loginUrl(plane.database.url, a.login, undefined), max: 1 });
  pool.on("error", () => undefined);
  const listeners: ((channel: string) => void)[] = [];
  pool.on("connect", (client) => {
    client.on("notification", ({ channel }) => {
      for (const listener of listeners) listener(channel);
    });
  });
  return {
    async pinned(tenant, statements) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        await client.query(pinOf(tenant, true, pathOf(tenant)));
        let rows: Record<string, unknown>[] = [];
        for (const text of statements) rows = (await client.query<Record<string, unknown>>(text)).rows;
        await client.query("commit");
        return rows;
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    },
    async bare(statement) {
      return (await pool.query<Record<string, unknown>>(statement)).rows;
    },
    onNotification: (listener) => void listeners.push(listener),
    close: () => pool.end(),
  };
}

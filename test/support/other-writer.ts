import pg from "pg";
import type { TestDatabase } from "./database.ts";

/** A transaction of somebody else in a tenant's vault, as the superuser, to meet the service's own. */
export interface OtherWriter {
  /** Runs a statement in it; the vault's tables need no schema. */
  query(text: string, values?: readonly unknown[]): Promise<unknown>;
  commit(): Promise<unknown>;
  rollback(): Promise<unknown>;
  /** Ends the connection, and with it what was not committed. */
  close(): Promise<void>;
}

/** Begins a transaction in a tenant's vault. */
export async function beginOtherWriter(database: TestDatabase, tenantId: string): Promise<OtherWriter> {
  const { rows } = await database.admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenantId],
  );
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`set search_path = ${client.escapeIdentifier(rows[0]?.vault ?? "")}`);
  await client.query("begin");
  return {
    query: (text, values = []) => client.query(text, [...values]),
    commit: () => client.query("commit"),
    rollback: () => client.query("rollback"),
    close: () => client.end(),
  };
}

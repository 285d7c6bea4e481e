import type pg from "pg";
import { batchRows } from "../plan.ts";
import { type CountStored, writtenRows } from "./count-stored.ts";

/** Counts in tables that all tenants share. */
export function countInSharedTables(admin: pg.Client): CountStored {
  return async (written) => {
    const { where, bounds } = writtenRows(written);
    const batch = written.operation === "batch";
    const { rows } = await admin.query<{ total: string }>(
      `select count(*) as total from ${batch ? "samples" : "log_entries"} where ${where}`,
      bounds,
    );
    return Number(rows[0]?.total) / (batch ? batchRows : 1);
  };
}

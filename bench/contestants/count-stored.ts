import type pg from "pg";
import { batchRows, type Operation } from "../plan.ts";
import { entryIdOf, firstSampleSecond } from "../written-ids.ts";

/** What was written in a turn. */
export interface Written {
  readonly operation: Operation;
  /** Tenants, from the front of the list, that calls were for. */
  readonly tenants: number;
  /** The calls' numbers, `endId` not among them. */
  readonly firstId: number;
  readonly endId: number;
}

/**
 * Counts the calls whose rows are in the database: entries, or whole batches. A part of a batch makes the
 * figure broken, and so another one than was acknowledged.
 */
export type CountStored = (written: Written) => Promise<number>;

/** The condition on rows that a turn wrote, with the bounds as parameters $1 and $2, and their values. */
export function writtenRows({ operation, firstId, endId }: Written): { where: string; bounds: [string, string] } {
  if (operation === "batch") {
    const second = (id: number) => new Date((firstSampleSecond + id) * 1_000).toISOString();
    return { where: "start_time >= $1 and start_time < $2", bounds: [second(firstId), second(endId)] };
  }
  return { where: "entry_id >= $1 and entry_id < $2", bounds: [entryIdOf(firstId), entryIdOf(endId)] };
}

/** Counts in schemas that each hold one tenant, as a superuser, whom no wall keeps out. */
export function countInSchemas(admin: pg.Client, schemas: readonly string[]): CountStored {
  return async (written) => {
    const { where, bounds } = writtenRows(written);
    const table = written.operation === "batch" ? "samples" : "log_entries";
    const type = written.operation === "batch" ? "timestamptz" : "text";
    // One round trip, and in each schema a range of the primary key of the employee who writes.
    await admin.query(`
      create or replace function pg_temp.count_stored(schemas text[], low ${type}, high ${type}) returns bigint
      language plpgsql as $$
      declare
        total bigint := 0;
        here bigint;
        name text;
      begin
        foreach name in array schemas loop
          execute format(
            'select count(*) from %1$I.${table} where ${where}
               and employee_no = any (array(select employee_no from %1$I.employees where external_id = ''writer''))',
            name
          ) into here using low, high;
          total := total + here;
        end loop;
        return total;
      end $$`);
    const { rows } = await admin.query<{ total: string }>(
      `select pg_temp.count_stored($1, $2::${type}, $3::${type}) as total`,
      [schemas.slice(0, written.tenants), ...bounds],
    );
    return Number(rows[0]?.total) / (written.operation === "batch" ? batchRows : 1);
  };
}

import { type Pin, pin, pinForKept, pinValues } from "../../src/database/pin.ts";
import type { StatementCase } from "./cases.ts";
import type { StatementWorld } from "./world.ts";

/** What one run of a statement read and wrote. */
export interface Reads {
  /** Rows that it returned. */
  readonly rows: number;
  /**
   * Accesses to pages of 8 kB of the vault's and the control plane's tables and their indexes, those of foreign keys with
   * them. Not PostgreSQL's catalogue, and nothing of other vaults.
   */
  readonly buffers: number;
  /** The same for each table and index, the most first. */
  readonly of: readonly { readonly name: string; readonly buffers: number }[];
  /** Tables that were read from end to end. */
  readonly scanned: readonly string[];
}

/** The role that the control plane's statements run as. */
const controlRole = "wellvault_control";

/** What the cases change, in transactions that are undone. */
const changedTables = "counters, employees, log_entries, samples, sample_days, sample_sources, control.companies";

/** Runs a case as the service would, after one for somebody else that fills the connection's caches. Changes nothing. */
export async function measureCase(world: StatementWorld, one: StatementCase): Promise<Reads> {
  await runOnce(world, one, 1);
  const reads = await runOnce(world, one, 0);
  // Rows that were undone are still there. Those of somebody else are only met by a statement that reads a table from end to end, but
  // the cases that follow are for the same two.
  await world.admin.query(`vacuum ${changedTables}`);
  return reads;
}

async function runOnce(world: StatementWorld, one: StatementCase, who: number): Promise<Reads> {
  const { admin } = world;
  await admin.query("begin");
  try {
    const before = await readCounters(world);
    if (one.plane === "control") await admin.query(`set local role ${controlRole}`);
    else await admin.query(one.statement.isKept ? pinForKept : pin, pinValues(pinOf(world)));
    const { rows } = await admin.query(one.statement.text, [...one.values(who)]);
    await admin.query("reset role");
    const after = await readCounters(world);
    const of = [...after].flatMap(([name, { buffers }]) => {
      const read = buffers - (before.get(name)?.buffers ?? 0);
      return read > 0 ? [{ name, buffers: read }] : [];
    });
    return {
      rows: rows.length,
      buffers: of.reduce((sum, { buffers }) => sum + buffers, 0),
      of: of.sort((a, b) => b.buffers - a.buffers),
      scanned: [...after].filter(([name, { scans }]) => scans > (before.get(name)?.scans ?? 0)).map(([name]) => name),
    };
  } finally {
    await admin.query("rollback");
  }
}

function pinOf({ tokens, companyId, vault }: StatementWorld): Pin {
  return {
    role: vault,
    settings: {
      search_path: `"${vault}", pg_temp`,
      statement_timeout: "60000",
      "wellvault.token": tokens.sign(companyId, 60_000),
      "wellvault.company": companyId,
    },
  };
}

interface Counters {
  readonly buffers: number;
  readonly scans: number;
}

/** What this connection has read so far of each table and index of the vault and of the control plane. */
async function readCounters({ admin, vault }: StatementWorld): Promise<Map<string, Counters>> {
  const { rows } = await admin.query<{ name: string; buffers: number; scans: number }>(
    `select
       relname as name,
       pg_stat_get_xact_blocks_fetched(oid)::integer as buffers,
       case when relkind = 'r' then pg_stat_get_xact_numscans(oid)::integer else 0 end as scans
     from pg_class
     where relkind in ('r', 'i') and relnamespace in ($1::regnamespace, 'control'::regnamespace)`,
    [vault],
  );
  return new Map(rows.map(({ name, buffers, scans }) => [name, { buffers, scans }]));
}

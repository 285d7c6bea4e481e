import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type pg from "pg";
import { endedChildrenCpuMs } from "../measure/proc.ts";
import { batchRows, type Operation, pageRows, zipfExponent } from "../plan.ts";
import { firstSampleSecond } from "../written-ids.ts";
import type { Contestant, Turn, Work } from "./contestant.ts";
import { countInSchemas } from "./count-stored.ts";

const run = promisify(execFile);

/** Connections at most: more of them only make two cores change between processes, and the server takes 200. */
const maxClients = 64;
/** Numbers that each client of a turn may use. */
const idsPerClient = 100_000;

/** Whether pgbench is on this machine. */
export async function hasPgbench(): Promise<boolean> {
  return await run("pgbench", ["--version"]).then(
    () => true,
    () => false,
  );
}

/**
 * PostgreSQL's own load: the statements of the isolated peers, a whole transaction in one write and with no service in
 * between. It is about as fast as this database does the isolated task for so many connections. The statements are
 * not prepared: pgbench would do that before the pipeline begins, where no tenant's tables can be found yet.
 */
export function pgbenchContestant(url: string, admin: pg.Client, schemas: readonly string[]): Contestant {
  const count = countInSchemas(admin, schemas);
  let firstId = 0;
  return {
    name: "pgbench",
    pid: undefined,
    async take(turn, onLoadEnd) {
      const clients = Math.min(turn.inFlight, maxClients);
      const endId = firstId + clients * idsPerClient;
      const work = await runPgbench(url, turn, clients, firstId);
      onLoadEnd();
      const { operation, tenants } = turn;
      const stored = operation === "read" ? work.succeeded : await count({ operation, tenants, firstId, endId });
      firstId = endId;
      return { ...work, stored };
    },
  };
}

async function runPgbench(url: string, turn: Turn, clients: number, firstId: number): Promise<Omit<Work, "stored">> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-bench-"));
  try {
    const script = join(folder, "script.sql");
    await writeFile(script, scriptOf(turn, firstId));
    const whole =
      turn.maxCalls < 1e6 ? ["-t", String(Math.ceil(turn.maxCalls / clients))] : ["-T", String(wholeSeconds(turn))];
    const cpuBefore = endedChildrenCpuMs();
    const args = ["-n", "-M", "extended", "-c", String(clients), "-j", "1", ...whole];
    const log = ["-l", `--log-prefix=${join(folder, "log")}`, "-D", "n=0", "-f", script];
    const { PGOPTIONS: _, ...env } = process.env;
    const { stdout } = await run("pgbench", [...args, ...log, url], { env, maxBuffer: 64 * 1_024 * 1_024 });
    const cpuMs = endedChildrenCpuMs() - cpuBefore;
    const [, done = "0"] = /transactions actually processed: (\d+)/.exec(stdout) ?? [];
    const [, failed = "0"] = /number of failed transactions: (\d+)/.exec(stdout) ?? [];
    const [, perSecond = "NaN"] = /tps = ([\d.]+)/.exec(stdout) ?? [];
    const latencies = await readLatencies(folder);
    const rank = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN;
    return {
      succeeded: Number(done),
      failures: Number(failed) > 0 ? { "failed transactions": Number(failed) } : {},
      seconds: Number(done) / Number(perSecond),
      p50: rank(0.5),
      p99: rank(0.99),
      loadCpuUs: (cpuMs * 1_000) / Math.max(1, Number(done)),
    };
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    return {
      ...{ succeeded: 0, seconds: turn.seconds, p50: Number.NaN, p99: Number.NaN, loadCpuUs: Number.NaN },
      // Its password stands in the command, which must not be shown.
      failures: { [`pgbench failed: ${stderr.trim().split("\n", 3).join(" | ")}`]: 1 },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** pgbench counts in whole seconds. */
function wholeSeconds({ seconds }: Turn): number {
  return Math.max(1, Math.round(seconds));
}

/** Latencies in milliseconds, ascending, from the files that pgbench's threads wrote. */
async function readLatencies(folder: string): Promise<Float64Array> {
  const files = (await readdir(folder)).filter((name) => name.startsWith("log"));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  // Each line: client, its transaction's number, microseconds, ...
  const lines = texts.flatMap((text) => text.split("\n").filter(Boolean));
  return Float64Array.from(lines, (line) => Number(line.split(" ", 3)[2]) / 1_000).sort();
}

/** The script of an operation: the tenant drawn as the other contestants' tenants are, and one pipeline. */
function scriptOf({ operation, tenants, spread }: Turn, firstId: number): string {
  const draw =
    tenants === 1
      ? "1"
      : spread === "zipf"
        ? `random_zipfian(1, ${tenants}, ${zipfExponent})`
        : `random(1, ${tenants})`;
  return `\\set n :n + 1
\\set id ${firstId} + :client_id * ${idsPerClient} + :n
\\set tenant 1000000 + ${draw}
\\startpipeline
begin;
select set_config('search_path', 'bench_t' || right(:tenant::text, 5), true),
  set_config('role', 'bench_t' || right(:tenant::text, 5), true);
${statements[operation]};
commit;
\\endpipeline
`;
}

const statements: Readonly<Record<Operation, string>> = {
  write: `
    insert into log_entries as stored (
      employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, note, detail
    )
    select employee_no, 'w-' || right((1000000000000 + :id)::text, 12), 1, to_timestamp(1760000000), 60, 'bench', 1,
      'slept well, a little tired', '{"valence": 1.5, "labels": ["calm", "content"]}'
    from employees where external_id = 'writer' and delete_time is null
    on conflict (employee_no, entry_id) do update set version = excluded.version
    where excluded.version > stored.version
    returning entry_id, start_time, utc_offset_minutes, source, version, note, detail, create_time, update_time,
      xmax = 0 as inserted`,
  read: `
    select entry_id, start_time, end_time, utc_offset_minutes, source, version, note, detail, create_time, update_time
    from log_entries
    where employee_no = (select employee_no from employees where external_id = 'reader' and delete_time is null)
      and delete_time is null
    order by start_time desc, entry_id desc
    limit ${pageRows + 1}`,
  // pgbench has no arrays to send; the database makes the rows itself, which is a little less work.
  batch: `
    with written as (
      insert into samples as stored (
        employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
      )
      select employee_no, 11, to_timestamp(${firstSampleSecond} + :id) + n * interval '1 millisecond', source_no, 1,
        60 + n % 40, 0, 60, 0
      from employees, sample_sources, generate_series(0, ${batchRows - 1}) as n
      where external_id = 'writer' and delete_time is null and slug = 'bench' and not daily
      on conflict (employee_no, kind, start_time, source_no) do update set version = excluded.version
      where excluded.version > stored.version
      returning xmax = 0 as inserted
    )
    select count(*) filter (where inserted), count(*) filter (where not inserted) from written`,
};

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { type Clients, openClients } from "../src/cli/demo/clients.ts";
import { startTemporaryService } from "../src/cli/demo/temporary-service.ts";
import { cpuMsOf } from "./measure/proc.ts";
import { median } from "./measure/statistics.ts";
import type { LoadKind, LoadOrder, LoadResult } from "./token-wall/load.ts";

const usage = `Usage: npm run bench:token-wall -- [options]

Measures what the token wall costs: calls a second through the wire with row level security and the token's check,
against the same service without both, and where the system tells it the processor time that service and database
spend on a call. The two take turns in one run, and the figures are medians of their ratios.

  --calls N     calls of one turn, 100 to 100000; default 1500
  --rounds N    pairs of turns for each kind of call, 1 to 100; default 7
  --parallel N  calls at the same time, 1 to 256; default 8
  --json        prints the result as JSON
`;

const tenantCount = 10;

/** The check of the pin as one that says yes. */
const admitBlindly = `
  create or replace function guard.admit(company uuid, key_id text, expiry bigint, mac bytea) returns text
    language plpgsql volatile security definer
  as $$ begin return ''; end $$
`;

const sides = ["with", "without"] as const;
type Side = (typeof sides)[number];

/** One turn: calls a second, and milliseconds of processor time of service and database for a call. */
interface Turn {
  readonly rate: number;
  readonly processorMs: number;
}

/** Ratios of a kind of call, with the wall over without it, and its processor time without. */
interface Result {
  readonly kind: LoadKind;
  readonly throughput: number;
  readonly processorTime: number;
  readonly processorMs: number;
}

function throughputOf(pair: Record<Side, Turn>): number {
  return pair.with.rate / pair.without.rate;
}

/** Runs the benchmark and prints its result. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      calls: { type: "string", default: "1500" },
      rounds: { type: "string", default: "7" },
      parallel: { type: "string", default: "8" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const calls = bounded("--calls", values.calls, 100, 100_000);
  const rounds = bounded("--rounds", values.rounds, 1, 100);
  const parallel = bounded("--parallel", values.parallel, 1, 256);

  say("Starting PostgreSQL and the service ...");
  await using service = await startTemporaryService();
  using clients = openClients(service.address, new AbortController().signal);
  const people = await makePeople(clients);
  const admin = new pg.Client({ connectionString: service.databaseUrl });
  await admin.connect();
  const { rows } = await admin.query<{ text: string }>(
    "select pg_get_functiondef('guard.admit(uuid, text, bigint, bytea)'::regprocedure) as text",
  );
  const admit = rows[0]?.text ?? "";
  const load = fork(join(import.meta.dirname, "token-wall/load.ts"));
  const results: Result[] = [];
  try {
    const turn = async (kind: LoadKind, count = calls): Promise<Turn> => {
      const before = await processorMs(admin);
      const rate = await ask(load, { address: service.address, people, kind, calls: count, parallel });
      return { rate, processorMs: ((await processorMs(admin)) - before) / count };
    };
    for (const kind of ["write", "page", "read"] as const) {
      await turn(kind, Math.min(calls, 500));
      const pairs: Record<Side, Turn>[] = [];
      for (let round = 0; round < rounds; round++) {
        const pair: Partial<Record<Side, Turn>> = {};
        // The order changes, so that neither always meets the warmer or the fuller database.
        for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
          await setWall(admin, admit, side === "with");
          // Plans and functions are made anew after a change.
          await turn(kind, Math.min(calls, 400));
          pair[side] = await turn(kind);
        }
        await setWall(admin, admit, true);
        const whole = pair as Record<Side, Turn>;
        pairs.push(whole);
        say(`${kind} ${round + 1}/${rounds}: ${throughputOf(whole).toFixed(2)} of the calls a second`);
      }
      results.push({
        kind,
        throughput: median(pairs.map(throughputOf)),
        processorTime: median(pairs.map(({ with: up, without: down }) => up.processorMs / down.processorMs)),
        processorMs: median(pairs.map((pair) => pair.without.processorMs)),
      });
    }
  } finally {
    load.kill();
    await admin.end();
  }
  if (values.json) return void process.stdout.write(`${JSON.stringify({ calls, rounds, parallel, results })}\n`);
  const lines = results.map(
    ({ kind, throughput, processorTime }) =>
      `${kind.padEnd(8)}${throughput.toFixed(2).padStart(18)}${processorTime.toFixed(2).padStart(24)}`,
  );
  process.stdout.write(
    `\nwith the wall / without it\nkind    calls a second   processor time of a call\n${lines.join("\n")}\n`,
  );
}

/** Provisions the companies with one employee each. */
async function makePeople({ tenants, employees, as }: Clients): Promise<LoadOrder["people"]> {
  const people: { tenantId: string; employeeId: string }[] = [];
  for (let n = 1; n <= tenantCount; n++) {
    const tenantId = `bench-${n}`;
    await tenants.provisionTenant({ tenantId, displayName: tenantId }, as("platform_operator"));
    const { employee } = await employees.createEmployee(
      { employee: { externalId: "E-1" } },
      as("company_admin", tenantId),
    );
    people.push({ tenantId, employeeId: employee?.employeeId ?? "" });
  }
  return people;
}

/** Puts the wall up or takes it down: row level security of every table, and the check of the pin. */
async function setWall(admin: pg.Client, admit: string, up: boolean): Promise<void> {
  const { rows } = await admin.query<{ name: string }>(
    "select c.oid::regclass::text as name from pg_class as c join control.companies as v on v.vault = c.relnamespace::regnamespace::name where c.relkind = 'r'",
  );
  for (const { name } of rows) await admin.query(`alter table ${name} ${up ? "enable" : "disable"} row level security`);
  await admin.query(up ? admit : admitBlindly);
}

/** Processor time so far of this process, which is the service, and of the data plane's backends. NaN where it is not told. */
async function processorMs(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ pid: number }>(
    "select pid from pg_stat_activity where usename = 'wellvault_app'",
  );
  const { user, system } = process.cpuUsage();
  let sum = (user + system) / 1_000;
  for (const { pid } of rows) sum += cpuMsOf(pid);
  return sum;
}

async function ask(load: ChildProcess, order: LoadOrder): Promise<number> {
  load.send(order);
  const [result] = (await once(load, "message")) as [LoadResult];
  if ("error" in result) throw new Error(`The load failed: ${result.error}`);
  return result.rate;
}

function bounded(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${name} must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

await main();

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import { showProgress } from "../src/cli/demo/progress.ts";
import { hireOne, hirePeople, provisionTenants, schemasOf } from "./contestants/ours.ts";
import { startServerProcess } from "./contestants/server-process.ts";
import { openClient, startBenchDatabase } from "./database.ts";
import { nodeStartOf } from "./node-start.ts";
import type { BenchOptions } from "./options.ts";
import { describeCommit, describeMachine } from "./report/machine.ts";
import { figure } from "./report/table.ts";
import { fillCompany, fillDays, fillYear } from "./samples/fill.ts";
import { measurePuts, type PutFigures, type PutLane } from "./samples/puts.ts";
import { measureQuestion, type QuestionFigures, questionsAbout } from "./samples/questions.ts";

/** Batches in flight at the same time, each of another employee, and batches of each of them in a turn. */
const inFlights = [1, 4];
const batchesOfTurn = 40;

/** What the service's own is held against. */
const targets = { putsOverCopies: 0.5, bytesOfRow: 145, daysOverSamples: 10 } as const;

/** What a run found. */
export interface SamplesResults {
  readonly date: string;
  readonly puts: readonly PutFigures[];
  /** Size of the table of samples with its key, for a row. */
  readonly bytesOfRow: number;
  readonly questions: readonly QuestionFigures[];
  readonly problems: readonly string[];
}

/**
 * Measures how fast samples are written beside COPY of the same rows, how much of the disk they take, and how much
 * faster days answer than samples.
 *
 * @param signal stops the run when it fires; its reason is thrown
 */
export async function runSamples(
  { employees, rounds, maxCalls, keep }: BenchOptions,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<SamplesResults> {
  const commit = await describeCommit();
  await using started = new AsyncDisposableStack();
  stream.write("Starting PostgreSQL and Wellvault ...\n");
  const database = started.use(await startBenchDatabase());
  const server = started.use(
    await startServerProcess("contestants/ours-server.ts", {
      databaseUrl: database.url,
      nodeStart: nodeStartOf("start"),
    }),
  );
  const none = () => undefined;
  const people = await hirePeople(server.port, await provisionTenants(server.port, 1, none), 0, none);
  const [person] = people;
  if (!person) throw new Error("nobody was hired");
  const open = async () => {
    const client = started.use(await openClient(database.url));
    const [vault = ""] = await schemasOf(client, people);
    await client.query("select set_config('search_path', $1, false)", [vault]);
    return client;
  };
  const admin = await open();
  const lanes: PutLane[] = [];
  for (let number = 1; number <= Math.max(...inFlights); number++) {
    const copied = await hireOne(server.port, person.tenantId, `copied-${number}`);
    lanes.push({
      putId: await hireOne(server.port, person.tenantId, `put-${number}`),
      copiedNo: await numberOf(admin, copied),
      admin: await open(),
    });
  }
  const readerNo = await numberOf(admin, person.readerId);
  await database.makeDurable();

  const batches = Math.min(batchesOfTurn, Math.ceil(maxCalls / 20));
  const puts: PutFigures[] = [];
  stream.write("Writing batches of 1,000 samples, and copying the same rows ...\n");
  let firstBatch = 0;
  for (const inFlight of inFlights) {
    signal.throwIfAborted();
    const parts = { port: server.port, tenantId: person.tenantId, lanes: lanes.slice(0, inFlight) };
    puts.push(await measurePuts(parts, batches, rounds, firstBatch));
    firstBatch += (rounds + 1) * batches;
  }
  const bytesOfRow = await sizeOfRow(admin);
  stream.write(`Filling a year of one employee and 26 weeks of ${employees} ...\n`);
  await admin.query("set synchronous_commit = off");
  await fillYear(admin, readerNo);
  {
    using progress = showProgress(stream, employees, "employees");
    await fillCompany(admin, employees, () => {
      signal.throwIfAborted();
      progress.add(1);
    });
  }
  await fillDays(admin);
  const questions: QuestionFigures[] = [];
  for (const question of questionsAbout(admin, person.readerId)) {
    signal.throwIfAborted();
    stream.write(`Asking for ${question.title} ...\n`);
    questions.push(await measureQuestion(question, rounds * 3));
  }

  const results = { date: new Date().toISOString().slice(0, 10), puts, bytesOfRow, questions, problems: [] };
  stream.write(tableOf(results));
  if (keep) {
    const { rows: versions } = await admin.query<{ version: string }>(
      "select current_setting('server_version') as version",
    );
    const machine = await describeMachine(versions[0]?.version.split(" ")[0] ?? "");
    const text = JSON.stringify({ ...results, commit, employees, machine }, null, 2);
    await writeFile(join(import.meta.dirname, "samples-results.json"), `${text}\n`);
  }
  return results;
}

/** The number that an employee has inside the vault. */
async function numberOf(admin: pg.Client, employeeId: string): Promise<number> {
  const { rows } = await admin.query<{ employee_no: number }>(
    "select employee_no from employees where employee_id = $1",
    [employeeId],
  );
  return rows[0]?.employee_no ?? 0;
}

async function sizeOfRow(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ bytes: number }>(
    "select (pg_table_size('samples') + pg_indexes_size('samples'))::float8 / count(*) as bytes from samples",
  );
  return rows[0]?.bytes ?? Number.NaN;
}

function tableOf({ puts, bytesOfRow, questions }: SamplesResults): string {
  const verdict = (met: boolean) => (met ? "met" : "missed");
  const lines = [
    ...puts.map(
      ({ inFlight, puts: put, copies, ratio }) =>
        `  PutSamples, ${inFlight} in flight: ${figure(put)} rows/s, COPY ${figure(copies)} rows/s: ${figure(ratio)} x ` +
        `(at least ${targets.putsOverCopies}: ${verdict(ratio >= targets.putsOverCopies)})`,
    ),
    `  a sample on the disk, with its key: ${figure(bytesOfRow)} bytes ` +
      `(at most ${targets.bytesOfRow}: ${verdict(bytesOfRow <= targets.bytesOfRow)})`,
    ...questions.map(
      ({ title, daysMs, samplesMs, ratio }) =>
        `  ${title}: ${figure(daysMs)} ms from days, ${figure(samplesMs)} ms from samples: ${figure(ratio)} x ` +
        `(at least ${targets.daysOverSamples}: ${verdict(ratio >= targets.daysOverSamples)})`,
    ),
  ];
  return `\nsamples\n${lines.join("\n")}\n`;
}

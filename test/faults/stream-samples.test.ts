import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros, minuteMicros, toMicros } from "../../src/civil-time.ts";
import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { as, openClients } from "../support/clients.ts";
import { failureFrom } from "../support/errors.ts";
import { holdTable } from "../support/locks.ts";
import { runProgram } from "../support/process.ts";
import { openGrpcJsSampleStream, openSampleStream, type SampleStream, storedOf } from "../support/sample-streams.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
let vault: string;
let admin: pg.Client;
beforeAll(async () => {
  service = await startTestService({ poolSize: 2 });
  tenant = await service.provision();
  admin = service.database.admin;
  const { rows } = await admin.query<{ vault: string }>(
    "select vault::text from control.companies where tenant_id = $1",
    [tenant],
  );
  vault = rows[0]?.vault ?? "";
});
afterAll(async () => {
  expect(service.logLines).toEqual([]);
  await service.close();
});

const ingest = () => as("ingest_service", tenant);

/** The batches of a device, each of some minutes. */
const batchCount = 250;
const batchSize = 5;
const batches = Array.from({ length: batchCount }, (_, batch): MetricSample[] =>
  Array.from({ length: batchSize }, (_, minute) =>
    sample({
      startTime: fromMicros(monday + BigInt(batch * batchSize + minute) * minuteMicros),
      value: 60 + (batch % 9),
    }),
  ),
);

/** The minutes that are stored of an employee, each as often as it is. */
async function storedMinutes(employeeId: string): Promise<number[]> {
  const { rows } = await admin.query<{ minute: number }>(
    `select ((extract(epoch from start_time) - $2) / 60)::integer as minute
     from ${vault}.samples join ${vault}.employees using (employee_no)
     where employee_id = $1 order by 1`,
    [employeeId, Number(monday / 1_000_000n)],
  );
  return rows.map(({ minute }) => minute);
}

const minutesOf = (batchesOf: readonly MetricSample[][]) =>
  batchesOf.flat().map(({ startTime }) => Number((startTime ? toMicros(startTime) : 0n) - monday) / 60_000_000);

/**
 * Sends the batches from `from` on as fast as the stream takes them, and returns how many were acknowledged before it
 * ended, and how it did.
 */
async function sendFrom(
  from: number,
  employeeId: string,
  open: () => SampleStream,
  onAcknowledged?: (n: number) => void,
) {
  const stream = open();
  for (const [index, samples] of batches.slice(from).entries()) {
    stream.send({ batchNumber: BigInt(index + 1), employeeId, samples });
  }
  let acknowledged = 0;
  try {
    for (; from + acknowledged < batchCount; acknowledged++) {
      storedOf(await stream.next());
      onAcknowledged?.(acknowledged + 1);
    }
    await stream.finish();
    return { acknowledged, error: undefined };
  } catch (error) {
    return { acknowledged, error: ConnectError.from(error) };
  }
}

/**
 * Expects that the acknowledged batches are stored, and beyond them whole batches in their order: the one that was under
 * way, and those whose acknowledgements were lost with a connection.
 */
async function expectKept(acknowledged: number, employeeId: string, most = acknowledged + 1): Promise<void> {
  const stored = await storedMinutes(employeeId);
  const count = Math.ceil(stored.length / batchSize);
  expect(stored).toEqual(minutesOf(batches.slice(0, count)));
  expect(count).toBeGreaterThanOrEqual(acknowledged);
  expect(count).toBeLessThanOrEqual(most);
}

/** Expects that all is stored once, and that sending it all again changes nothing. */
async function expectWhole(employeeId: string): Promise<void> {
  expect(await storedMinutes(employeeId)).toEqual(minutesOf(batches));
  const rows = async () => (await admin.query(`select s::text from ${vault}.samples as s order by 1`)).rows;
  const before = await rows();
  const stream = openSampleStream(service.clients, ingest());
  // In other batches than before.
  const samples = batches.flat();
  for (let at = 0; at < samples.length; at += 999) {
    stream.send({ batchNumber: BigInt(at + 1), employeeId, samples: samples.slice(at, at + 999) });
  }
  const counts = (await stream.finish()).map((response) => storedOf(response).unchangedCount);
  expect(counts.reduce((sum, count) => sum + count)).toBe(samples.length);
  expect(await rows()).toEqual(before);
}

test("no batch is acknowledged before it is committed", async () => {
  const employeeId = await service.hire(tenant);
  const stream = openSampleStream(service.clients, ingest());
  await stream.put({ batchNumber: 1n, employeeId, samples: batches[0] ?? [] });
  const held = await holdTable(service.database, tenant);
  let isAcknowledged = false;
  const answer = stream.put({ batchNumber: 2n, employeeId, samples: batches[1] ?? [] }).then((response) => {
    isAcknowledged = true;
    return response;
  });
  await held.waiting();
  await service.clients.metrics.listMetricKinds({}, as("auditor"));
  expect(isAcknowledged).toBe(false);
  await held.release();
  expect(storedOf(await answer)).toMatchObject({ insertedCount: batchSize });
  // Whoever hears of it finds it there.
  for (const [index, samples] of batches.slice(2, 40).entries()) {
    await stream.put({ batchNumber: BigInt(index + 3), employeeId, samples });
    expect((await storedMinutes(employeeId)).length).toBe((index + 3) * batchSize);
  }
  await stream.finish();
});

test("backends that are killed under a stream lose nothing that was acknowledged, and it goes on where it was", async () => {
  const employeeId = await service.hire(tenant);
  let acknowledged = 0;
  const ends: string[] = [];
  let kills = 0;
  const kill = async () => {
    const { rowCount } = await admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'wellvault_app'",
    );
    kills += rowCount ?? 0;
  };
  for (let round = 0; acknowledged < batchCount && round < 200; round++) {
    const sent = await sendFrom(
      acknowledged,
      employeeId,
      () => openSampleStream(service.clients, ingest()),
      // Now and then, while the next batch is on its way.
      (n) => n % 25 === 0 && void kill(),
    );
    acknowledged += sent.acknowledged;
    if (sent.error) {
      const { code, reason } = failureFrom(sent.error);
      ends.push(`${code} ${reason}`);
    }
    await expectKept(acknowledged, employeeId);
  }
  expect(acknowledged).toBe(batchCount);
  expect(kills).toBeGreaterThan(5);
  const allowed = ["Unavailable DATABASE_UNAVAILABLE", "Unknown COMMIT_UNKNOWN"];
  expect(ends.filter((end) => !allowed.includes(end))).toEqual([]);
  await expectWhole(employeeId);
});

test("a service that is killed under a stream loses nothing that was acknowledged, and another one takes over", async () => {
  const employeeId = await service.hire(tenant);
  const program = runProgram("src/main.ts", {
    DATABASE_URL: service.database.url,
    WELLVAULT_IDENTITY: "development",
    WELLVAULT_PORT: "0",
  });
  try {
    const [, address = ""] = await program.until(/address +(http:\/\/\S+)[\s\S]*Ctrl-C stops/);
    const first = await sendFrom(
      0,
      employeeId,
      () => openGrpcJsSampleStream(address, ingest()),
      (n) => n === 30 && program.process.kill("SIGKILL"),
    );
    expect(first.error?.code).toBe(Code.Unavailable);
    expect(first.acknowledged).toBeGreaterThanOrEqual(30);
    expect(first.acknowledged).toBeLessThan(batchCount);
    // What the killed process had sent to the database may still be running there.
    const running = async () => {
      const { rowCount } = await admin.query(
        `select from pg_stat_activity
         where datname = current_database() and usename = 'wellvault_app' and state <> 'idle'`,
      );
      return rowCount;
    };
    await expect.poll(running, { interval: 10, timeout: 15_000 }).toBe(0);
    // What a process that is killed has written to a connection with unread bytes may never be read.
    await expectKept(first.acknowledged, employeeId, batchCount);
    const second = await sendFrom(first.acknowledged, employeeId, () => openSampleStream(service.clients, ingest()));
    expect(second).toEqual({ acknowledged: batchCount - first.acknowledged, error: undefined });
    await expectWhole(employeeId);
  } finally {
    await program.end("SIGKILL");
  }
});

test("a connection that is cut in the middle loses nothing that was acknowledged, time and again", async () => {
  const employeeId = await service.hire(tenant);
  let acknowledged = 0;
  for (let round = 0; acknowledged < batchCount; round++) {
    expect(round).toBeLessThan(20);
    const clients = openClients(service.address);
    const sent = await sendFrom(
      acknowledged,
      employeeId,
      () => openSampleStream(clients, ingest()),
      (n) => n === 40 + round && clients.close(),
    );
    clients.close();
    acknowledged += sent.acknowledged;
  }
  await expectWhole(employeeId);
});

test("an employee who is deleted under a stream: later batches are refused, and those of others are stored", async () => {
  const [gone, here] = [await service.hire(tenant), await service.hire(tenant, randomUUID())];
  const stream = openSampleStream(service.clients, ingest());
  const samples = batches[0] ?? [];
  expect(storedOf(await stream.put({ batchNumber: 1n, employeeId: gone, samples }))).toMatchObject({
    insertedCount: batchSize,
  });
  await service.clients.employees.deleteEmployee({ employeeId: gone }, as("company_admin", tenant));
  const { outcome } = await stream.put({ batchNumber: 2n, employeeId: gone, samples: batches[1] ?? [] });
  expect(outcome.case).toBe("refused");
  expect(storedOf(await stream.put({ batchNumber: 3n, employeeId: here, samples }))).toMatchObject({
    insertedCount: batchSize,
  });
  await stream.finish();
});

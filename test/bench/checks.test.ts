import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { status } from "@grpc/grpc-js";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countInSharedTables } from "../../bench/contestants/count-shared.ts";
import { servedContestant } from "../../bench/contestants/served.ts";
import { type LoadProcess, startLoad } from "../../bench/load/process.ts";
import { measureTurn, type TurnFigures } from "../../bench/measure/measure-turn.ts";
import { PeerError, type PeerHandlers, type PeerServer, serveWithGrpcJs } from "../../bench/peers/grpc-server.ts";
import type { Operation } from "../../bench/plan.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let pool: pg.Pool;
let load: LoadProcess;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query("create table log_entries (entry_id text primary key)");
  await database.admin.query("create table samples (start_time timestamptz not null)");
  pool = new pg.Pool({ connectionString: database.url });
  load = startLoad();
});
afterAll(async () => {
  load[Symbol.dispose]();
  await pool.end();
  await database.drop();
});

const writerId = "11111111-1111-4111-8111-111111111111";
const people = [{ tenantId: "a", writerId, readerId: "22222222-2222-4222-8222-222222222222" }];
const calls = 60;

/** Measures a turn of whoever listens on the port. */
async function measure(port: number, operation: Operation = "write", maxCalls = calls): Promise<TurnFigures> {
  await database.admin.query("truncate log_entries, samples");
  const countStored = countInSharedTables(database.admin);
  const contestant = servedContestant({ name: "isolated", port, pid: process.pid, load, people, countStored });
  const turn = { operation, inFlight: 6, tenants: 1, spread: "uniform", seconds: 20, maxCalls } as const;
  return await measureTurn(contestant, turn, process.pid);
}

const entry = (entryId: string) => ({ entryId, startTime: { seconds: 1 }, utcOffsetMinutes: 0, ...rest });
const rest = { source: "bench", version: 1, note: "" };

/** A peer that does what it should, but for what is given. */
function peer(changes: Partial<PeerHandlers> = {}): Promise<PeerServer> {
  return serveWithGrpcJs({
    async putEntry(_, request) {
      await pool.query("insert into log_entries values ($1)", [request.entry.entryId]);
      return { entry: request.entry, outcome: 1 };
    },
    listEntries: async () => ({ entries: Array.from({ length: 20 }, (_, n) => entry(`e-${n}`)), nextPageToken: "x" }),
    async putSamples(_, { samples }) {
      const times = samples.map(({ startTime: { seconds, nanos = 0 } }) => Number(seconds) + nanos / 1e9);
      await pool.query("insert into samples select to_timestamp(unnest($1::float8[]))", [times]);
      return { insertedCount: samples.length, replacedCount: 0, unchangedCount: 0, staleCount: 0 };
    },
    ...changes,
  });
}

/** Every third of something. */
function thirds(): () => boolean {
  let count = 0;
  return () => ++count % 3 === 0;
}

test.each<Operation>(["write", "read", "batch"])(
  "a peer that keeps its word has no problems: %s",
  async (operation) => {
    const server = await peer();
    const figures = await measure(server.port, operation);
    server.stop();
    expect(figures.problems).toEqual([]);
    expect(figures.succeeded).toBe(calls);
    expect(figures.p99).toBeGreaterThanOrEqual(figures.p50);
  },
);

test("answers that say another time in each turn are told apart for as long as a run takes", async () => {
  let answers = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      response.writeHead(200, {
        "content-type": "application/grpc",
        trailer: "grpc-status",
        "x-answer": `${answers++}`,
      });
      // A page of twenty empty entries.
      response.write(Buffer.from([0, 0, 0, 0, 40, ...Array.from({ length: 20 }, () => [0x0a, 0]).flat()]));
      response.addTrailers({ "grpc-status": "0" });
      response.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  for (let turn = 0; turn < 3; turn++) {
    const { problems, succeeded } = await measure(port, "read", 900);
    expect([problems, succeeded]).toEqual([[], 900]);
  }
  server.close();
});

test("a peer that answers with an error status is found", async () => {
  const isThird = thirds();
  const server = await peer({
    async putEntry(_, request) {
      if (isThird()) throw new PeerError(status.RESOURCE_EXHAUSTED, "too much");
      await pool.query("insert into log_entries values ($1)", [request.entry.entryId]);
      return { entry: request.entry, outcome: 1 };
    },
  });
  const figures = await measure(server.port);
  server.stop();
  expect(figures.problems).toEqual(["20 calls failed: gRPC status 8: too much"]);
  expect(figures.succeeded).toBe(40);
});

test("a peer that acknowledges without writing is found", async () => {
  const isThird = thirds();
  const server = await peer({
    async putEntry(_, request) {
      if (!isThird()) await pool.query("insert into log_entries values ($1)", [request.entry.entryId]);
      return { entry: request.entry, outcome: 1 };
    },
  });
  const figures = await measure(server.port);
  server.stop();
  expect(figures.problems).toEqual(["60 calls were acknowledged, and the database holds the rows of 40"]);
});

test("a peer that writes only a part of a batch is found", async () => {
  const server = await peer({
    async putSamples(_, { samples }) {
      const times = samples.slice(1).map(({ startTime: { seconds, nanos = 0 } }) => Number(seconds) + nanos / 1e9);
      await pool.query("insert into samples select to_timestamp(unnest($1::float8[]))", [times]);
      return { insertedCount: samples.length, replacedCount: 0, unchangedCount: 0, staleCount: 0 };
    },
  });
  const figures = await measure(server.port, "batch");
  server.stop();
  expect(figures.problems).toEqual(["60 calls were acknowledged, and the database holds the rows of 59.94"]);
});

test("a peer that returns less than a page is found", async () => {
  const entries = Array.from({ length: 19 }, (_, n) => entry(`e-${n}`));
  const server = await peer({ listEntries: async () => ({ entries, nextPageToken: "x" }) });
  const figures = await measure(server.port, "read");
  server.stop();
  expect(figures.problems).toEqual(["60 calls failed: a page of 19 rows", "no call succeeded"]);
});

test("a server that is no gRPC server, and one that sends no trailers, are found", async () => {
  let withStatus = false;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(withStatus ? 503 : 200, { "content-type": withStatus ? "text/plain" : "application/grpc" });
      response.end("no message");
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  expect((await measure(port)).problems).toEqual([
    "60 calls failed: the response has no trailers",
    "no call succeeded",
  ]);
  withStatus = true;
  expect((await measure(port)).problems).toContain("60 calls failed: HTTP status 503, text/plain");
  server.close();
});

test("a server that goes away under load is found", async () => {
  let answered = 0;
  const server = await peer({
    async putEntry(_, request) {
      if (++answered === 30) server.stop();
      await pool.query("insert into log_entries values ($1)", [request.entry.entryId]);
      return { entry: request.entry, outcome: 1 };
    },
  });
  const figures = await measure(server.port);
  expect(figures.problems[0]).toMatch(/calls failed: (the server|the stream|read ECONNRESET)/);
});

test("a batch arrives whole at a server with small windows", async () => {
  const lengths = new Set<number>();
  const server = createServer({ settings: { initialWindowSize: 5_000 } }, (request, response) => {
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
    });
    request.on("end", () => {
      lengths.add(length);
      response.writeHead(200, { "content-type": "application/grpc" });
      response.addTrailers({ "grpc-status": "0" });
      response.end(Buffer.alloc(5));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const figures = await measure((server.address() as AddressInfo).port, "batch");
  server.close();
  expect(figures.succeeded).toBe(calls);
  // 1,000 samples of 40 bytes and more, and all calls alike.
  expect([...lengths]).toEqual([expect.toSatisfy((length: number) => length > 40_000)]);
});

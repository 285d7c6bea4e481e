import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExtendedClient } from "../../src/database/extended-client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ Client: ExtendedClient, connectionString: database.url, max: 1 } as pg.PoolConfig);
  pool.on("error", () => undefined);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Takes the pool's one connection. */
async function take(): Promise<pg.PoolClient> {
  const client = await pool.connect();
  client.on("error", () => undefined);
  return client;
}

/** Ends the server's side of the connection and waits until the client knows. */
async function kill(client: pg.PoolClient): Promise<void> {
  const ended = new Promise((done) => client.once("end", done));
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  await database.admin.query("select pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
  await ended;
}

describe("text with a second statement in it is refused", () => {
  const text = "select 1; select 2";
  test.each([
    ["as text", () => pool.query(text)],
    ["with values", () => pool.query("select $1::integer; select 2", [1])],
    ["as an object", () => pool.query({ text })],
    [
      "by a callback",
      () => new Promise((done, fail) => pool.query(text, (error: unknown) => (error ? fail(error) : done(1)))),
    ],
  ])("%s", async (_, query) => {
    await expect(query()).rejects.toMatchObject({ code: "42601" });
  });

  test("the control: the client it extends runs both", async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    expect(await client.query(text)).toHaveLength(2);
    await client.end();
  });
});

describe("a connection that the server dropped", () => {
  test("while idle: begin does not reject, what follows does, and the pool is whole after the release", async () => {
    const client = await take();
    await kill(client);
    await client.query("begin");
    await expect(client.query("select 1")).rejects.toThrow(/not queryable/);
    await client.query("rollback");
    client.release();
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  test("in a transaction: rollback does not reject, and the pool is whole after the release", async () => {
    const client = await take();
    await client.query("begin");
    await kill(client);
    await client.query("rollback");
    await expect(client.query("select 1")).rejects.toThrow();
    client.release();
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  test("at the commit: the commit rejects, for nobody knows whether it was done", async () => {
    const client = await take();
    await client.query("begin");
    await kill(client);
    await expect(client.query("commit")).rejects.toThrow();
    client.release();
  });
});

test("a rollback to a savepoint that is not there rejects and leaves the connection as it is", async () => {
  const client = await take();
  await client.query("begin");
  await expect(client.query("rollback to nowhere")).rejects.toMatchObject({ code: "3B001" });
  await client.query("rollback");
  expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  client.release();
});

test("a connection to which nobody listens does not end the process when the server ends it", async () => {
  // The runner fails on an exception that nobody caught.
  const client = new ExtendedClient({ connectionString: database.url });
  await client.connect();
  expect(client.listeners("error").length).toBeGreaterThan(0);
  const ended = new Promise<void>((done) => client.once("end", () => done()));
  const { rows } = await (client as pg.Client).query<{ pid: number }>("select pg_backend_pid() as pid");
  await database.admin.query("select pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
  await ended;
  await expect((client as pg.Client).query("select 1")).rejects.toThrow();
});

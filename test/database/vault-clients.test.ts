import pg from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PinnedClient } from "../../src/database/pinned-client.ts";
import { createVaultClients, type LentClient, type VaultClients } from "../../src/database/vault-clients.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const vaults = ["one", "two", "three", "four", "five", "six"] as const;
const size = 3;

let database: TestDatabase;
let pool: pg.Pool;
let clients: VaultClients;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ Client: PinnedClient as never, connectionString: database.url, max: size });
  pool.on("error", () => undefined);
  clients = createVaultClients(pool);
  // As many connections as there may be, because that many are at work at the same time.
  const taken = await Promise.all(vaults.slice(0, size).map((vault) => clients.take(vault)));
  for (const client of taken) client.release();
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const processOf = (client: LentClient) => (client as unknown as { processID: number }).processID;

/** Takes a client and gives it back at once. */
async function visit(vault: string): Promise<number> {
  const client = await clients.take(vault);
  client.release();
  return processOf(client);
}

async function homesOfAll(): Promise<Map<string, number>> {
  const homes = new Map<string, number>();
  for (const vault of vaults) homes.set(vault, await visit(vault));
  return homes;
}

test("vaults spread over the connections, and each comes back to its own", async () => {
  const homes = await homesOfAll();
  const counts = [...new Set(homes.values())].map((home) => [...homes.values()].filter((it) => it === home).length);
  expect(counts).toEqual([2, 2, 2]);
  for (let n = 0; n < 60; n++) {
    const vault = vaults[(n * 7) % vaults.length] ?? "";
    expect(clients.nearnessOf(vault)).toBe("home");
    expect(await visit(vault)).toBe(homes.get(vault));
  }
});

test("a connection that has grown old is replaced, and the vaults that were at home there settle anew", async () => {
  const options = { Client: PinnedClient as never, connectionString: database.url };
  const shortLived = new pg.Pool({ ...options, max: 1, maxLifetimeSeconds: 1 });
  const aging = createVaultClients(shortLived);
  const visitIt = async () => {
    const client = await aging.take("one");
    client.release();
    return processOf(client);
  };
  const first = await visitIt();
  expect(await visitIt()).toBe(first);
  await expect.poll(visitIt, { interval: 100, timeout: 5_000 }).not.toBe(first);
  expect(aging.nearnessOf("one")).toBe("home");
  await shortLived.end();
});

test("another connection serves a vault at once while its own is taken, and it is at home again afterwards", async () => {
  const homes = await homesOfAll();
  const taken = await clients.take("one");
  expect(processOf(taken)).toBe(homes.get("one"));
  expect(clients.nearnessOf("one")).toBe("strange");
  expect(await visit("one")).not.toBe(homes.get("one"));
  taken.release();
  expect(clients.nearnessOf("one")).toBe("home");
  expect(await visit("one")).toBe(homes.get("one"));
});

test("for a visit, a connection that keeps the vault's statements is better than one that does not", async () => {
  const homes = await homesOfAll();
  const taken = await Promise.all([clients.take("one"), clients.take("two"), clients.take("three")]);
  const [home, knowing, other] = taken;
  knowing.keepsStatementsOf = (vault) => vault === "one";
  other.release();
  expect(clients.nearnessOf("one")).toBe("strange");
  knowing.release();
  expect(clients.nearnessOf("one")).toBe("known");
  expect(await visit("one")).toBe(homes.get("two"));
  home.release();
  expect(clients.nearnessOf("one")).toBe("home");
});

test("a vault does not wait for its own connection while that does something slow", async () => {
  await homesOfAll();
  const taken = await clients.take("one");
  expect(clients.nearnessOf("one")).toBe("strange");
  await vi.waitUntil(() => clients.nearnessOf("one") === "home", 5_000);
  taken.release();
  // It counts anew each time, also for who does not ask for a vault: the pool gives what came back last.
  const again = await pool.connect();
  expect(again).toBe(taken);
  expect(clients.nearnessOf("one")).toBe("strange");
  again.release();
});

test("no vault is nearer than another while the next connection is still being cleaned", async () => {
  await homesOfAll();
  const taken = await Promise.all(vaults.slice(0, size).map((vault) => clients.take(vault)));
  // Of a statement that the source did not write out: its connection is free only after a while.
  for (const client of taken) await client.query("select 1", []);
  for (const client of taken) client.release();
  // A vault that never settled would overtake all that did.
  for (const vault of [...vaults, "new"]) expect(clients.nearnessOf(vault)).toBe("home");
});

test("a vault moves when its own connection stays taken", async () => {
  const homes = await homesOfAll();
  const taken = await clients.take("one");
  for (let n = 0; n < 20; n++) await visit("one");
  const moved = await visit("one");
  expect(moved).not.toBe(homes.get("one"));
  taken.release();
  for (let n = 0; n < 3; n++) expect(await visit("one")).toBe(moved);
});

test("with every connection taken a vault waits for whichever is given back first", async () => {
  await homesOfAll();
  const taken = await Promise.all(vaults.slice(0, size).map((vault) => clients.take(vault)));
  const waiting = clients.take("six");
  const [first] = taken;
  first?.release();
  const client = await waiting;
  expect(client).toBe(first);
  for (const held of [client, ...taken.slice(1)]) held.release();
});

describe("a connection that is gone is nobody's home any more", () => {
  test.each(["ended by the server while it was idle", "closed when it was given back"])("%s", async (how) => {
    const homes = await homesOfAll();
    const gone = homes.get("one");
    const removed = new Promise((done) => pool.once("remove", done));
    if (how.startsWith("ended")) await database.admin.query("select pg_terminate_backend($1, 5000)", [gone]);
    else (await clients.take("one")).release(true);
    await removed;
    const next = await visit("one");
    expect(next).not.toBe(gone);
    for (let n = 0; n < 3; n++) expect(await visit("one")).toBe(next);
    for (const vault of vaults) {
      const home = await visit(vault);
      expect(home).not.toBe(gone);
      if (homes.get(vault) !== gone) expect(home).toBe(homes.get(vault));
    }
  });
});

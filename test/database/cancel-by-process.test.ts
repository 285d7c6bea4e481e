import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { PinnedClient } from "../../src/database/pinned-client.ts";

/** The process id that every server here gives out. */
const processId = 7;
const cancelCode = 80_877_102;

/** A server that lets everybody in and answers nothing, and keeps the secrets that it is asked to cancel by. */
interface SilentServer {
  readonly url: string;
  readonly cancelled: number[];
}

const servers: Server[] = [];
const clients: PinnedClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  for (const server of servers.splice(0)) server.close();
});

async function openSilentServer(firstSecret: number): Promise<SilentServer> {
  const cancelled: number[] = [];
  let secret = firstSecret;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (start) => {
      if (start.readInt32BE(4) === cancelCode) {
        cancelled.push(start.readInt32BE(12));
        socket.end();
        return;
      }
      socket.write(Buffer.concat([message("R", 0), message("K", processId, secret++), Buffer.from("Z\0\0\0\x05I")]));
      socket.on("data", (data) => data[0] === "X".charCodeAt(0) && socket.end());
    });
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return { url: `postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/nothing`, cancelled };
}

function message(type: string, ...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(5 + 4 * numbers.length);
  bytes.write(type);
  bytes.writeInt32BE(4 + 4 * numbers.length, 1);
  for (const [n, number] of numbers.entries()) bytes.writeInt32BE(number, 5 + 4 * n);
  return bytes;
}

async function connect({ url }: SilentServer): Promise<PinnedClient> {
  const client = new PinnedClient(url);
  await client.connect();
  clients.push(client);
  return client;
}

test("a cancellation by process id reaches the server that it was asked of, where another server gave out the same id", async () => {
  const [one, other] = [await openSilentServer(100), await openSilentServer(200)];
  const asking = await connect(one);
  await connect(other);
  await asking.query("select pg_cancel_backend(7)", []);
  expect(one.cancelled).toEqual([100]);
  expect(other.cancelled).toEqual([]);
});

test("nothing is cancelled when two connections have the same id behind one address", async () => {
  const server = await openSilentServer(100);
  const [asking, second] = [await connect(server), await connect(server)];
  await asking.query("select pg_cancel_backend(7)", []);
  expect(server.cancelled).toEqual([]);
  // The control: with one of them gone it is certain who is meant.
  clients.splice(clients.indexOf(second), 1);
  await second.end();
  await asking.query("select pg_cancel_backend(7)", []);
  expect(server.cancelled).toEqual([100]);
});

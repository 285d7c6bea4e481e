import { createServer, type Server, type Socket } from "node:net";
import pg from "pg";
import { copyMessages, readMessages, writeMessage } from "./wire-messages.ts";

/** A pooler between the service and PostgreSQL that lends a server connection for one transaction. */
export interface TransactionPooler {
  /** The URL of the database through the pooler. */
  readonly url: string;
  /** How often a server connection was lent to another client than the one before. */
  readonly switches: () => number;
  close(): Promise<void>;
}

/** A connection to the server, and who has it. */
interface Backend {
  readonly client: pg.Client;
  readonly socket: Socket;
  user: Frontend | undefined;
  lastUser: Frontend | undefined;
}

/** A connection of the service. */
interface Frontend {
  readonly socket: Socket;
  /** What it sent that no backend got yet. */
  waiting: Buffer[];
  backend: Backend | undefined;
  /** Synchronisation points that it sent and that were not answered. */
  syncs: number;
}

/**
 * Starts a pooler in transaction mode, as PgBouncer has it: any number of clients, few server connections,
 * and a connection goes to the next client as soon as the server reports that no transaction is open. What
 * a client leaves on its server connection, the next client meets. It believes everybody who can reach
 * loopback and passes no cancellations on: it is for tests.
 *
 * @param url URL of the server, with the login that all clients are taken for
 * @param size server connections
 */
export async function startTransactionPooler(url: string, size: number): Promise<TransactionPooler> {
  const backends = await Promise.all(Array.from({ length: size }, () => openBackend(url)));
  const queue: Frontend[] = [];
  const sockets = new Set<Socket>();
  let switches = 0;

  /** Sends on what a client sent, if it has a server connection or there is one for it. */
  function forward(frontend: Frontend): void {
    if (frontend.waiting.length === 0) return;
    if (!frontend.backend) {
      const free = backends.find(({ user }) => user === undefined);
      if (!free) {
        if (!queue.includes(frontend)) queue.push(frontend);
        return;
      }
      if (free.lastUser !== undefined && free.lastUser !== frontend) switches++;
      free.user = frontend;
      free.lastUser = frontend;
      frontend.backend = free;
    }
    for (const message of frontend.waiting) {
      // S is Sync, Q a simple query: each is answered by one ReadyForQuery.
      if (message[0] === 0x53 || message[0] === 0x51) frontend.syncs++;
    }
    frontend.backend.socket.write(Buffer.concat(frontend.waiting));
    frontend.waiting = [];
  }

  for (const backend of backends) {
    readMessages(backend.socket, (message) => {
      const frontend = backend.user;
      frontend?.socket.write(message);
      // Z is ReadyForQuery; its status I says that no transaction is open.
      if (!frontend || message[0] !== 0x5a) return;
      frontend.syncs--;
      if (message[5] !== 0x49 || frontend.syncs > 0) return;
      backend.user = undefined;
      frontend.backend = undefined;
      const next = queue.shift();
      if (next) forward(next);
    });
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const frontend: Frontend = { socket, waiting: [], backend: undefined, syncs: 0 };
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      const place = queue.indexOf(frontend);
      if (place >= 0) queue.splice(place, 1);
      // A client that leaves in a transaction takes its server connection with it; no test does that.
    });
    copyMessages(socket, {
      startup: () => socket.write(greeting()),
      message(message) {
        // X is Terminate: it ends the client's connection and not the server's.
        if (message[0] === 0x58) return;
        frontend.waiting.push(message);
        if (message[0] === 0x53 || message[0] === 0x51 || frontend.backend) forward(frontend);
      },
    });
  });
  const port = await listen(server);
  const through = new URL(url);
  through.host = `127.0.0.1:${port}`;
  return {
    url: through.href,
    switches: () => switches,
    async close() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
      for (const { socket } of backends) socket.destroy();
    },
  };
}

/** Lets `pg` log in and takes its socket over. */
async function openBackend(url: string): Promise<Backend> {
  const client = new pg.Client({ connectionString: url, application_name: "wellvault pooler" });
  client.on("error", () => undefined);
  await client.connect();
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.removeAllListeners("data");
  return { client, socket: stream, user: undefined, lastUser: undefined };
}

/** What a client that has just connected is told: that it is welcome, and what kind of server this is. */
function greeting(): Buffer {
  const parameters = { server_version: "18.0", client_encoding: "UTF8", standard_conforming_strings: "on" };
  return Buffer.concat([
    writeMessage("R", Buffer.from([0, 0, 0, 0])),
    ...Object.entries(parameters).map(([name, value]) => writeMessage("S", Buffer.from(`${name}\0${value}\0`))),
    // A process and a secret that belong to nobody.
    writeMessage("K", Buffer.alloc(8, 0x7f)),
    writeMessage("Z", Buffer.from("I")),
  ]);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

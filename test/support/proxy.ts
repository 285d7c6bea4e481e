import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy that can be made to fail as a network does. */
export interface NetworkProxy {
  /** Where it listens, such as `http://127.0.0.1:40123`. */
  readonly address: string;
  /** Lets this many more bytes through to the service, and what it answers to them; then nothing moves any more. */
  stallAfter(bytes: number): void;
  /** Resolves when something is held back. */
  stalled(): Promise<void>;
  /** Lets this many more bytes through to the service; then every connection is cut and new ones are, too. */
  cutAfter(bytes: number): void;
  /** Lets everything through again, also what was held back. */
  open(): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of the service at `address`. */
export async function startProxy(address: string): Promise<NetworkProxy> {
  const { hostname, port } = new URL(address);
  const sockets = new Set<Socket>();
  let left = Number.POSITIVE_INFINITY;
  let cuts = false;
  const server = createServer((client) => {
    if (left <= 0 && cuts) return void client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      const end = () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      };
      socket.on("close", end).on("error", end);
    }
    upstream.pipe(client);
    client.on("data", (data) => {
      left -= data.length;
      if (left > 0) return void upstream.write(data);
      if (cuts) for (const socket of sockets) socket.destroy();
      else {
        held.push(() => upstream.write(data));
        holds.emit("held");
      }
    });
  });
  let held: (() => void)[] = [];
  const holds = new EventEmitter();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stallAfter(bytes) {
      left = bytes;
      cuts = false;
    },
    async stalled() {
      if (held.length === 0) await once(holds, "held");
    },
    cutAfter(bytes) {
      left = bytes;
      cuts = true;
    },
    open() {
      left = Number.POSITIVE_INFINITY;
      const waiting = held;
      held = [];
      for (const write of waiting) write();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

import { createServer, connect as open, type Server, type Socket } from "node:net";
import { copyMessages } from "../attacks/support/wire-messages.ts";

/** A message that a client of the database sent. */
export interface SentMessage {
  /** Which connection it went by, counted from 1. */
  readonly connection: number;
  /** The protocol's letter: `P` is Parse, `B` Bind, `Q` a simple query. */
  readonly type: string;
  /** Its bytes as text. */
  readonly text: string;
}

/** Listens to what clients send to PostgreSQL, whatever driver they have. */
export interface WireTap {
  /** Returns the URL with the tap in between. */
  through(url: string): string;
  /** What was sent since the tap was opened or cleared last. */
  readonly sent: readonly SentMessage[];
  /** The SQL that was sent, in order: of Parse messages and of simple queries. */
  statements(): string[];
  /** Forgets what was sent. */
  clear(): void;
  /** Drops every connection, without a word to either side, as a machine that vanishes does. */
  drop(): void;
  close(): Promise<void>;
}

/**
 * Opens a tap in front of a server.
 *
 * @param serverUrl URL of any database of the server; it is reached without encryption
 */
export async function openWireTap(serverUrl: string): Promise<WireTap> {
  const target = new URL(serverUrl);
  let sent: SentMessage[] = [];
  let connections = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other: () => Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other().destroy();
    });
  };
  const server = createServer({ noDelay: true }, (client) => {
    const connection = ++connections;
    const upstream = open({ host: target.hostname, port: Number(target.port || 5432), noDelay: true });
    keep(client, () => upstream);
    keep(upstream, () => client);
    copyMessages(client, {
      startup: () => undefined,
      message: (message) => {
        const type = String.fromCharCode(message[0] ?? 0);
        sent.push({ connection, type, text: message.toString("utf8", 5) });
      },
    });
    client.pipe(upstream);
    upstream.pipe(client);
  });
  const port = await listen(server);
  return {
    through(url) {
      const through = new URL(url);
      through.host = `127.0.0.1:${port}`;
      through.searchParams.delete("sslmode");
      return through.href;
    },
    get sent() {
      return sent;
    },
    statements: () => sent.filter(({ type }) => type === "P" || type === "Q").map(sqlOf),
    clear() {
      sent = [];
    },
    drop() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A Parse message names a statement before its text; both end with a zero byte. */
function sqlOf({ type, text }: SentMessage): string {
  return text.split("\0")[type === "P" ? 1 : 0] ?? "";
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

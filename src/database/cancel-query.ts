import { connect } from "node:net";
import type pg from "pg";

/** How long a request to cancel may take, in milliseconds; a statement's own time limit ends it otherwise. */
const cancelTimeoutMs = 2_000;

/** What `pg` knows of the connection, and leaves out of its types. */
interface Cancellable {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/**
 * Asks the server to stop what runs on a connection, by a CancelRequest with the key that the connection was
 * given, which a pooler understands, too. Resolves when the server has taken the request, or could not be asked.
 */
export async function cancelQuery(client: pg.ClientBase): Promise<void> {
  const { host, port, processID, secretKey } = client as unknown as Cancellable;
  if (processID === null || secretKey === null) return;
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = connect(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  socket.setTimeout(cancelTimeoutMs, () => socket.destroy());
  socket.on("error", () => undefined);
  // The server closes the connection once it has passed the signal on. Closed from this side before, it ends
  // PgBouncer up to version 1.18.
  socket.write(request);
  socket.resume();
  await new Promise((done) => socket.once("close", done));
}

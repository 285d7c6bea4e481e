import { ExtendedClient } from "../../../src/database/extended-client.ts";

/** Something that the server sent to a connection of the service without being asked. */
export interface ClientEvent {
  readonly kind: "notice" | "notification";
  /** Name of the database that the connection is to. */
  readonly database: string | undefined;
  /** The server's process behind the connection. */
  readonly processId: number | undefined;
  /** Severity of a notice. */
  readonly severity?: string;
  /** Text of a notice. */
  readonly message?: string;
  /** Channel of a notification. */
  readonly channel?: string;
}

/**
 * Hears what the server sends to the service's own connections, which the pool keeps to itself. Returns
 * what ends it.
 */
export function onClientEvent(listener: (event: ClientEvent) => void): () => void {
  const emit = ExtendedClient.prototype.emit;
  ExtendedClient.prototype.emit = function (this: ExtendedClient, ...args: Parameters<typeof emit>) {
    const [kind, body] = args as unknown as [string, object];
    if (kind === "notice" || kind === "notification") {
      const { processID, database } = this as ExtendedClient & { processID?: number; database?: string };
      const { severity, message, channel } = body as Pick<ClientEvent, "severity" | "message" | "channel">;
      listener({
        kind,
        database,
        processId: processID,
        ...(severity === undefined ? {} : { severity }),
        ...(message === undefined ? {} : { message }),
        ...(channel === undefined ? {} : { channel }),
      });
    }
    return emit.apply(this, args);
  } as typeof emit;
  return () => {
    ExtendedClient.prototype.emit = emit;
  };
}

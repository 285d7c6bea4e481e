import { ExtendedClient } from "./extended-client.ts";

/** Asks the database whether it is there. */
export interface DatabaseProbe {
  /** Whether the database answers, within two seconds. */
  ask(): Promise<boolean>;
  /** Closes the probe's connection. */
  close(): Promise<void>;
}

const timeoutMs = 2_000;

/** How long a connection is asked before it is renewed: one that is open says nothing of new ones. */
const renewMs = 10_000;

/**
 * Makes a probe with a connection of its own: when all connections of a pool are busy the database is
 * there all the same, and a server that then called itself unhealthy would push its load onto others.
 */
export function createDatabaseProbe(url: string): DatabaseProbe {
  let connecting: Promise<ExtendedClient> | undefined;
  let connectedAt = 0;

  async function connect(): Promise<ExtendedClient> {
    const fresh = new ExtendedClient({
      connectionString: url,
      application_name: "wellvault probe",
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
    });
    // What breaks it while it is idle is found by the next question.
    fresh.on("error", () => undefined);
    await fresh.connect();
    return fresh;
  }

  return {
    async ask() {
      if (connecting && performance.now() - connectedAt > renewMs) {
        void end(connecting);
        connecting = undefined;
      }
      if (!connecting) {
        connecting = connect();
        connectedAt = performance.now();
      }
      const asked = connecting;
      try {
        const client = await asked;
        await client.query("select 1");
        return true;
      } catch {
        if (connecting === asked) connecting = undefined;
        // Not waited for: a server that does not answer does not say goodbye either.
        void end(asked);
        return false;
      }
    },
    async close() {
      if (connecting) await end(connecting);
    },
  };
}

async function end(connecting: Promise<ExtendedClient>): Promise<void> {
  await connecting.then((client) => client.end()).catch(() => undefined);
}

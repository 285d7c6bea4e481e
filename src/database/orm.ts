import { type EntitySchema, MikroORM } from "@mikro-orm/postgresql";
import type pg from "pg";
import { cancelQuery } from "./cancel-query.ts";
import { oneVaultSubscriber } from "./one-vault-subscriber.ts";
import type { Pin } from "./pin.ts";
import { PinnedClient } from "./pinned-client.ts";
import { PinnedDriver } from "./pinned-driver.ts";
import type { Statement } from "./statement.ts";
import { createVaultClients, type Nearness, type VaultClients } from "./vault-clients.ts";

/** How the data plane connects. */
export interface OrmOptions {
  /** URL of the database as one of the data plane's logins. */
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  /** The entities of all services; their schema is `*`, so that a fork says which vault. */
  readonly entities: readonly EntitySchema[];
  /** Told of connections that broke while idle and other trouble that no call sees. */
  readonly onWarning: (message: string) => void;
}

/** How long a new connection may take to be ready, in milliseconds. */
const connectMs = 5_000;

/**
 * How long a connection that nobody uses is kept, in milliseconds: its backend's caches of the catalogue cost
 * more to fill than the connection itself.
 */
const idleMs = 600_000;

/** How long {@link DataPlane.close} waits for connections that are still at work, in milliseconds. */
const closeWaitMs = 5_000;

/** The data plane's ORM and its pool. */
export interface DataPlane {
  readonly orm: MikroORM;
  /**
   * Runs a statement, once for each of the lists of values, in a transaction of its own that is pinned, in one
   * write. All of them happen or none. Returns the rows of each.
   *
   * @param signal ends the statement, in PostgreSQL too, when it fires; its reason is thrown then
   * @param onSend called when there is a connection and the statement goes off: until then nothing can have happened
   */
  run<Values extends readonly unknown[], Row>(
    pin: Pin,
    statement: Statement<Values, Row>,
    lists: readonly Values[],
    signal: AbortSignal,
    onSend: () => void,
  ): Promise<Row[][]>;
  /** How well the connections that are free suit a vault, as far as it is known. */
  nearnessOf(vault: string): Nearness;
  /**
   * Closes every connection once nothing runs on it. Calls that were answered early, at their deadline
   * say, may have work to wind up; what takes longer than five seconds is not waited for.
   */
  close(): Promise<void>;
}

/**
 * Opens the data plane's ORM over a pool of {@link PinnedClient}s. Nothing may use it but
 * tenancy/sessions.ts, which pins every fork to one vault.
 */
export function openOrm(options: OrmOptions): DataPlane {
  let pool: pg.Pool | undefined;
  let clients: VaultClients | undefined;
  const orm = new MikroORM({
    driver: PinnedDriver,
    clientUrl: options.url,
    entities: [...options.entities],
    subscribers: [oneVaultSubscriber],
    pool: { min: 0, max: options.poolSize, idleTimeoutMillis: idleMs },
    // The login may create no database, and a service must not try.
    ensureDatabase: false,
    forceUtcTimezone: true,
    // "transaction" is the only setting that dies with the transaction.
    sessionContext: "transaction",
    discovery: { warnWhenNoEntities: false },
    logger: options.onWarning,
    debug: false,
    colors: false,
    driverOptions: {
      Client: PinnedClient,
      onPoolCreated: (created: pg.Pool) => {
        pool = created;
        clients = createVaultClients(created);
      },
      // MikroORM takes host, user and database out of the URL and drops the rest, such as sslmode.
      connectionString: options.url,
      application_name: "wellvault",
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      // A transaction that a lost process left open must not hold its locks.
      idle_in_transaction_session_timeout: 5_000,
      lock_timeout: 2_000,
      // A vault touched costs a backend memory that it never gives back: renew connections.
      maxLifetimeSeconds: 1_800,
    } satisfies pg.PoolConfig & { Client: unknown; onPoolCreated: (pool: pg.Pool) => void },
  });
  return {
    orm,
    async run(pin, statement, lists, signal, onSend) {
      signal.throwIfAborted();
      // The pool is made with the ORM's first use.
      if (!clients) await orm.driver.getConnection().getNativeClient();
      if (!clients) throw new Error("the pool was not made");
      const client = await clients.take(pin.role);
      let cancelled: Promise<void> | undefined;
      const cancel = () => {
        cancelled = cancelQuery(client);
      };
      try {
        signal.throwIfAborted();
        signal.addEventListener("abort", cancel, { once: true });
        onSend();
        return await client.runPinned(pin, statement, lists);
      } finally {
        signal.removeEventListener("abort", cancel);
        // A cancellation on its way must not meet whoever has the connection next.
        if (cancelled) await cancelled;
        client.release();
      }
    },
    nearnessOf: (vault) => clients?.nearnessOf(vault) ?? "home",
    async close() {
      // Kysely loses a connection that it is given while it is being destroyed, and then waits for it for
      // ever. So nothing may be under way when it is.
      const idle = pool === undefined || (await becomesIdle(pool));
      const closed = orm.close(true).then(async () => {
        // Kysely leaves a pool alone that it has not used itself.
        if (pool && !pool.ending) await pool.end();
      });
      // A connection that is stuck is left behind: whoever closes the data plane is about to leave, too.
      if (idle) await closed;
      else closed.catch(() => undefined);
    },
  };
}

async function becomesIdle(pool: pg.Pool): Promise<boolean> {
  const end = performance.now() + closeWaitMs;
  const isIdle = () => pool.totalCount === pool.idleCount && pool.waitingCount === 0;
  while (!isIdle() && performance.now() < end) await new Promise((done) => setTimeout(done, 10));
  return isIdle();
}

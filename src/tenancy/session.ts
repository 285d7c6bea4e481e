import type { EntityManager } from "@mikro-orm/postgresql";
import type { EpochSeconds } from "../civil-time.ts";
import type { Statement } from "../database/statement.ts";
import type { TenantEntry } from "./tenant.ts";

/** What runs in one vault. */
interface Pinned {
  /** The tenant whose vault it is. */
  readonly tenantId: string;
  /**
   * Entity manager; its entities live in the vault. Outside of a transaction each of its statements is one by itself, committed
   * with it: when the connection is lost meanwhile, nobody knows whether it was done.
   */
  readonly em: EntityManager;
  /** Runs one statement with bound parameters: in this transaction, or in one of its own. */
  query<Values extends readonly unknown[], Row>(statement: Statement<Values, Row>, values: Values): Promise<Row[]>;
}

/** A transaction pinned to one vault. */
export interface PinnedTransaction extends Pinned {
  /**
   * Runs the last statement of the transaction and commits it with it, in one round trip. Nothing may follow,
   * and the manager may have nothing left to write.
   */
  finish<Values extends readonly unknown[], Row>(statement: Statement<Values, Row>, values: Values): Promise<Row[]>;
}

/** All that a handler may do with the database: everything it reaches is one tenant's vault. */
export interface TenantSession extends Pinned {
  /**
   * Runs a statement that writes, like {@link query}. When the tenant has several under way already, those that
   * wait share the next transaction and its commit; each gets its own rows, and one that fails fails alone.
   *
   * @param lock what it locks: writes that lock the same rows have the same text, and never share
   * @param weight how large the write is; one for a single row
   */
  write<Values extends readonly unknown[], Row>(
    statement: Statement<Values, Row>,
    values: Values,
    lock: string,
    weight?: number,
  ): Promise<Row[]>;
  /**
   * Runs `work` in one transaction and commits it. When the database asks for a retry (a deadlock, a
   * lock not free, a stale plan) `work` runs again from its start, three times at most, so it must
   * not change anything but the database.
   */
  transaction<T>(work: (transaction: PinnedTransaction) => Promise<T>): Promise<T>;
  /**
   * Runs `work` in one transaction in which every statement sees the same instant, whatever others write meanwhile
   * (REPEATABLE READ). For reading only, and run once: what it read may be with the caller when the transaction fails.
   */
  snapshot<T>(work: (transaction: Pick<PinnedTransaction, "query">, time: EpochSeconds) => Promise<T>): Promise<T>;
}

/** What a session is opened for. */
export interface SessionOptions {
  /** The tenant, as the directory returned it. */
  readonly tenant: TenantEntry;
  /** Ends the running statement, in PostgreSQL too, when it fires. */
  readonly signal: AbortSignal;
  /** Time left for the call in milliseconds; PostgreSQL stops a statement that takes longer. */
  readonly timeoutMs: number;
}

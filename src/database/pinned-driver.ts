import {
  type EntityData,
  isRaw,
  PostgreSqlConnection,
  PostgreSqlDriver,
  type SessionContext,
} from "@mikro-orm/postgresql";
import { CompiledQuery, type ControlledTransaction, type PostgresDialect } from "kysely";
import type pg from "pg";
import { isOneStatement, noteLoneOperations } from "./lone-operations.ts";
import { type PinSettings, pin, pinValues } from "./pin.ts";
import { PooledDriver } from "./pooled-driver.ts";
import { markValues } from "./statement-marks.ts";

type BeginOptions = NonNullable<Parameters<PostgreSqlConnection["begin"]>[0]>;

/**
 * A connection whose transactions begin with the pin of the session that they are opened for, and whose
 * statements carry their values bound and not in the text, where MikroORM puts them.
 */
export class PinnedConnection extends PostgreSqlConnection {
  /** The first statements of transactions that MikroORM made by itself. */
  readonly #firsts = new WeakMap<object, FirstStatement>();

  override createKyselyDialect({ onPoolCreated, ...overrides }: PoolOverrides): PostgresDialect {
    const pools: pg.Pool[] = [];
    const keep = (pool: pg.Pool) => {
      pools.push(pool);
      onPoolCreated?.(pool);
    };
    const dialect = super.createKyselyDialect({ ...overrides, onPoolCreated: keep } as PoolOverrides);
    const [pool] = pools;
    if (!pool) throw new Error("the pool was not made");
    return Object.assign(dialect, { createDriver: () => new PooledDriver(pool) });
  }

  /**
   * Runs work in a transaction. MikroORM makes one for each statement outside of a transaction, to pin it: such work is one
   * statement, and then it travels as its transaction's last.
   */
  override async transactional<T>(
    work: (transaction: ControlledTransaction<unknown>) => Promise<T>,
    options: TransactionalOptions = {},
  ): Promise<T> {
    // A transaction that a user of the manager opens tells its events, or is inside another one.
    if (!options.sessionContext || options.ctx || options.eventBroadcaster) {
      return await super.transactional(work, options);
    }
    return await super.transactional((transaction) => {
      const first: FirstStatement = {};
      this.#firsts.set(transaction, first);
      const result = work(transaction);
      first.isWhole = result === first.result || isOneStatement(result);
      return result;
    }, options);
  }

  override execute(...[query, params, method, ctx, loggerContext]: ExecuteArguments): Promise<never> {
    const first = ctx && this.#firsts.get(ctx);
    if (!first || first.result) return this.#execute(false, query, params, method, ctx, loggerContext);
    // Not before the work has returned: if it returns this very promise, there is nothing else to it.
    first.result = Promise.resolve().then(() =>
      this.#execute(first.isWhole === true, query, params, method, ctx, loggerContext),
    );
    return first.result;
  }

  async #execute(
    isWhole: boolean,
    ...[query, params = [], method, ctx, loggerContext]: ExecuteArguments
  ): Promise<never> {
    const prepared = this["prepareQuery"](query, params);
    const bound = bind(this.platform, prepared.query, prepared.params);
    const { text } = bound;
    const values = isWhole ? markValues(bound.values, { isLast: true, isLiteral: false }) : bound.values;
    const target = ctx ?? this.getClient();
    // The base class logs, aborts and shapes the result; only what is sent is another text.
    const binding = {
      executeQuery: (_: CompiledQuery, options?: never) =>
        target.executeQuery(CompiledQuery.raw(text, values as unknown[]), options),
    } as unknown as typeof ctx;
    return (await super.execute(prepared.query, prepared.params, method, binding, loggerContext)) as never;
  }

  override async *stream<T extends EntityData<object>>(
    ...[query, params = [], ctx, loggerContext, chunkSize]: StreamArguments
  ): AsyncIterableIterator<T> {
    const prepared = this["prepareQuery"](query, params);
    const { text, values } = bind(this.platform, prepared.query, prepared.params);
    const binding = {
      getExecutor: () => {
        const executor = (ctx ?? this.getClient()).getExecutor();
        const stream: typeof executor.stream = (compiled, ...rest) =>
          executor.stream({ ...compiled, sql: text, parameters: values }, ...rest);
        return { stream };
      },
    } as unknown as typeof ctx;
    yield* super.stream<T>(prepared.query, prepared.params, binding, loggerContext, chunkSize);
  }

  override async begin({ sessionContext, ...options }: BeginOptions = {}): ReturnType<PostgreSqlConnection["begin"]> {
    const transaction = await super.begin(options);
    // A savepoint is inside a transaction that is pinned already.
    if (!options.ctx && sessionContext) await this.#pin(transaction, sessionContext);
    return transaction;
  }

  /** Says what the transaction is pinned to; the connection sends it with the first statement. */
  async #pin(transaction: ControlledTransaction<unknown>, { role, variables }: SessionContext): Promise<void> {
    if (!role || !variables) throw new Error("a session without a vault");
    const settings = variables as Readonly<Record<string, unknown>> & PinSettings;
    await transaction.executeQuery(CompiledQuery.raw(pin, pinValues({ role, settings })));
  }
}

/** The first statement of a transaction that MikroORM made by itself. */
interface FirstStatement {
  /** What its execution returned. */
  result?: Promise<never>;
  /** Whether it is the transaction's only one. */
  isWhole?: boolean;
}

type TransactionalOptions = NonNullable<Parameters<PostgreSqlConnection["transactional"]>[1]>;
type PoolOverrides = pg.PoolConfig & { onPoolCreated?: (pool: pg.Pool) => void };
type StreamArguments = Parameters<PostgreSqlConnection["stream"]>;
type ExecuteArguments = Parameters<PostgreSqlConnection["execute"]>;
type Platform = PostgreSqlConnection["platform"];

/** Puts `$1` to `$n` for the values of a query, by the platform's own rules for what stands where. */
function bind(platform: Platform, query: string, params: readonly unknown[]): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const place = (value: unknown): string => (value === null || value === undefined ? "null" : `$${values.push(value)}`);
  const binder = Object.create(platform, {
    quoteValue: {
      value(this: Platform, value: unknown): string {
        if (isRaw(value)) return this.formatQuery(value.sql, value.params);
        if (Array.isArray(value)) return value.map(place).join(", ");
        return place(value);
      },
    },
  }) as Platform;
  return { text: binder.formatQuery(query, params), values };
}

/** MikroORM's driver for PostgreSQL over {@link PinnedConnection}s. */
export class PinnedDriver extends PostgreSqlDriver {
  constructor(...args: ConstructorParameters<typeof PostgreSqlDriver>) {
    super(...args);
    Object.assign(this, { connection: new PinnedConnection(this.config) });
    noteLoneOperations(this, (entityName) => this.metadata.find(entityName as never));
  }
}

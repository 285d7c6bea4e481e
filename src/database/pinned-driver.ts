import { isRaw, PostgreSqlConnection, PostgreSqlDriver, type SessionContext } from "@mikro-orm/postgresql";
import { CompiledQuery, type ControlledTransaction } from "kysely";
import { sqlStateOf } from "./sqlstate.ts";
import { VaultGoneError } from "./vault-gone-error.ts";

/** The settings of a pin, as a session's fork carries them; all are set for the transaction only. */
export interface PinSettings {
  /** `"<vault>", pg_temp`. */
  readonly search_path: string;
  /** Milliseconds after which PostgreSQL stops a statement. */
  readonly statement_timeout: string;
  /** The signed token that shows the company's rows; see sql/control/0007_token_wall.sql. */
  readonly "wellvault.token": string;
  /** Id of the company whose vault it is. */
  readonly "wellvault.company": string;
}

/**
 * Pins a transaction: its settings, the check that the token is taken, and the vault's role, in one
 * statement. The role comes last, for under it no setting can be changed any more. A token that is
 * refused fails here, with WV001, and never looks like a vault without rows.
 */
export const pin = `
  select
    pg_catalog.set_config('search_path', $1, true),
    pg_catalog.set_config('statement_timeout', $2, true),
    pg_catalog.set_config('wellvault.token', $3, true),
    pg_catalog.set_config('wellvault.company', guard.admit($4), true),
    pg_catalog.set_config('role', $5, true)
`;

type BeginOptions = NonNullable<Parameters<PostgreSqlConnection["begin"]>[0]>;

/**
 * A connection whose transactions begin with the pin of the session that they are opened for, and whose
 * statements carry their values bound and not in the text, where MikroORM puts them.
 */
export class PinnedConnection extends PostgreSqlConnection {
  override async execute(...[query, params = [], method, ctx, loggerContext]: ExecuteArguments): Promise<never> {
    const prepared = this["prepareQuery"](query, params);
    const { text, values } = bind(this.platform, prepared.query, prepared.params);
    const target = ctx ?? this.getClient();
    // The base class logs, aborts and shapes the result; only what is sent is another text.
    const binding = {
      executeQuery: (_: CompiledQuery, options?: never) =>
        target.executeQuery(CompiledQuery.raw(text, values), options),
    } as unknown as typeof ctx;
    return (await super.execute(prepared.query, prepared.params, method, binding, loggerContext)) as never;
  }

  override async begin({ sessionContext, ...options }: BeginOptions = {}): ReturnType<PostgreSqlConnection["begin"]> {
    const transaction = await super.begin(options);
    // A savepoint is inside a transaction that is pinned already.
    if (options.ctx || !sessionContext) return transaction;
    try {
      await this.#pin(transaction, sessionContext);
      return transaction;
    } catch (error) {
      await transaction.rollback().execute();
      // invalid_parameter_value: of all that the pin sets, only the role can be one that there is not.
      if (sqlStateOf(error) === "22023") throw new VaultGoneError("the vault's role is missing", { cause: error });
      throw error;
    }
  }

  async #pin(transaction: ControlledTransaction<unknown>, { role, variables }: SessionContext): Promise<void> {
    const settings = variables as PinSettings | undefined;
    if (!role || !settings) throw new Error("a session without a vault");
    await transaction.executeQuery(
      CompiledQuery.raw(pin, [
        settings.search_path,
        settings.statement_timeout,
        settings["wellvault.token"],
        settings["wellvault.company"],
        role,
      ]),
    );
  }
}

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
  }
}

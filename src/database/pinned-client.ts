import { done, ExtendedClient } from "./extended-client.ts";
import { type Pin, pin, pinValues } from "./pin.ts";
import { StaleConnectionError } from "./stale-connection-error.ts";
import type { Statement } from "./statement.ts";
import type { BatchStep } from "./statement-batch.ts";
import { VaultGoneError } from "./vault-gone-error.ts";

/** A transaction that was asked for and not begun. */
interface Opening {
  readonly begin: string;
  pinValues?: readonly unknown[];
}

/**
 * Vaults that a connection may be pinned to before it is replaced: each leaves 90 to 160 KB in its backend's
 * caches, which PostgreSQL never gives back.
 */
export const maxVaults = 1_000;

/** The commit of a transaction undid it, because an error in it had been passed over. */
class NothingCommittedError extends Error {
  override readonly name = "NothingCommittedError";
  constructor() {
    super("a statement of the transaction failed, so nothing of it was committed");
  }
}

/** What `pg` hands its messages to: cursors and streams bring it with them. */
interface Submittable {
  submit(connection: unknown): void;
  handleError(error: unknown, connection: unknown): void;
}

function isSubmittable(config: unknown): config is Submittable {
  return typeof config === "object" && config !== null && "submit" in config && "handleError" in config;
}

const last = new WeakSet<readonly unknown[]>();

/**
 * Marks the values of the statement that ends its transaction: the commit travels with it. There is no other
 * way to tell a connection through the layers between, which pass the values on as they are.
 */
export function lastValues(values: readonly unknown[]): readonly unknown[] {
  const marked = [...values];
  last.add(marked);
  return marked;
}

/**
 * A client that spares round trips. A transaction's `begin` and its pin wait for the first statement, and all
 * three travel in one write. A lone statement travels with its pin, as one implicit transaction.
 *
 * A transaction that never comes to a statement is never begun.
 */
export class PinnedClient extends ExtendedClient {
  #opening: Opening | undefined;
  #isCommitted = false;
  #isStale = false;
  /** Whether one backend serves the connection, and not one after another as behind a pooler; undefined: not known. */
  #hasOwnBackend: boolean | undefined;
  readonly #vaults = new Set<string>();

  /** The vaults that the connection was pinned to so far. */
  get vaults(): ReadonlySet<string> {
    return this.#vaults;
  }

  /**
   * Runs a statement once for each of the lists of values, in one transaction of its own that is pinned. All
   * of them happen or, when one fails, none.
   *
   * @returns the rows of each
   * @throws VaultGoneError when the vault's role is missing
   */
  async runPinned<Values extends readonly unknown[], Row>(
    to: Pin,
    { text, isLiteral }: Statement<Values, Row>,
    lists: readonly Values[],
  ): Promise<Row[][]> {
    if (this.#opening || this.getTransactionStatus() !== "I") throw new Error("the connection is in a transaction");
    this.#vaults.add(to.role);
    const steps = lists.map((values) => ({ text, values }));
    const results = await this.sendBatch([this.#pinStep(pinValues(to)), ...steps], isLiteral);
    return results.slice(1).map(({ rows }) => rows as Row[]);
  }

  protected override get isWornOut(): boolean {
    // A transaction that nobody ended is the next user's no more than its vaults are.
    if (this.#isStale) return true;
    return this.#vaults.size > maxVaults || this.#opening !== undefined || this.#isCommitted;
  }

  override query(config: unknown, ...rest: unknown[]): never {
    return (this.#intercept(config, rest) ?? super.query(config, ...rest)) as never;
  }

  #intercept(config: unknown, rest: readonly unknown[]): unknown {
    const [values] = rest;
    if (typeof config !== "string" || (values !== undefined && !Array.isArray(values)) || rest.length > 1) {
      return this.#opening ? this.#afterOpening(config, rest) : undefined;
    }
    const isEnd = /^(commit|rollback)$/i.test(config);
    if (this.#isCommitted) {
      if (!isEnd) return Promise.reject(new Error("the transaction is committed"));
      this.#isCommitted = false;
      return Promise.resolve(done);
    }
    if (/^(begin|start transaction)\b/i.test(config) && !this.#opening && !this.isLost) {
      this.#opening = { begin: config };
      return Promise.resolve(done);
    }
    if (values && last.has(values)) {
      return this.#finish({ text: config, values });
    }
    if (!this.#opening) return isEnd ? this.#end(config) : undefined;
    if (isEnd) {
      this.#opening = undefined;
      return Promise.resolve(done);
    }
    if (config === pin) {
      this.#opening.pinValues = values ?? [];
      this.#vaults.add(String(values?.at(-1)));
      return Promise.resolve(done);
    }
    const steps = [...this.#open(), { text: config, values: values ?? [] }];
    return this.sendBatch(steps, false).then((results) => results.at(-1));
  }

  /** Ends the transaction, and fails when a commit was none. */
  async #end(config: string): Promise<unknown> {
    const result = (await super.query(config, [])) as { command?: string };
    // The server answers ROLLBACK to the commit of a transaction in which a statement failed.
    if (/^commit$/i.test(config) && result.command === "ROLLBACK") throw new NothingCommittedError();
    return result;
  }

  /** Begins the transaction for a cursor, or for a query in another of pg's forms, and then sends it. */
  #afterOpening(config: unknown, rest: readonly unknown[]): unknown {
    const opened = this.sendBatch(this.#open(), false);
    if (!isSubmittable(config)) return opened.then(() => super.query(config, ...rest));
    opened.then(
      () => super.query(config, ...rest),
      (error: unknown) => config.handleError(error, this.connection),
    );
    return config;
  }

  /** Runs the last statement of the transaction and commits it. The `commit` that follows finds it done. */
  async #finish(step: BatchStep): Promise<unknown> {
    const results = await this.sendBatch([...this.#open(), step, { text: "commit", values: [] }], false);
    // The server answers ROLLBACK where there is nothing that it could commit.
    if (results.at(-1)?.command !== "COMMIT") throw new NothingCommittedError();
    this.#isCommitted = true;
    return results.at(-2);
  }

  /** The steps that begin the transaction that was asked for. */
  #open(): BatchStep[] {
    const opening = this.#opening;
    this.#opening = undefined;
    if (!opening) return [];
    const begin = { text: opening.begin, values: [] };
    return opening.pinValues ? [begin, this.#pinStep(opening.pinValues)] : [begin];
  }

  /** The pin as the step of a batch. */
  #pinStep(values: readonly unknown[]): BatchStep {
    if (this.#hasOwnBackend === undefined) this.#askForBackend();
    return {
      text: pin,
      values,
      ignoresRows: true,
      // Parsed once: its plan is good under every token, for it reads no vault. A pooler's next backend may
      // not know the name.
      name: this.#hasOwnBackend ? "wellvault_pin" : undefined,
      explain: (error) => {
        // invalid_parameter_value: of all that the pin sets, only the role can be one that there is not.
        if (error.code === "22023") return new VaultGoneError("the vault's role is missing", { cause: error });
        if (error.code !== "42501") return error;
        this.#isStale = true;
        return new StaleConnectionError("the connection may not become the vault's role", { cause: error });
      },
    };
  }

  /** Finds out whether the process that answers is the one that the connection was made with. */
  #askForBackend(): void {
    this.#hasOwnBackend = false;
    const { processID } = this as unknown as { processID: number | null };
    this.sendBatch([{ text: "select pg_catalog.pg_backend_pid() as pid", values: [] }], true).then(
      ([result]) => {
        this.#hasOwnBackend = result?.rows[0]?.["pid"] === processID;
      },
      // A cancellation that was meant for a statement may have met the question: it is asked again. Of a lost
      // connection its user is told.
      () => {
        this.#hasOwnBackend = undefined;
      },
    );
  }
}

import type pg from "pg";
import { isDataCommand } from "./data-commands.ts";
import { done, ExtendedClient } from "./extended-client.ts";
import { KeptStatements } from "./kept-statements.ts";
import { type Pin, pin, pinForKept, pinValues } from "./pin.ts";
import { sqlStateOf } from "./sqlstate.ts";
import { StaleConnectionError } from "./stale-connection-error.ts";
import { fragment, type Statement } from "./statement.ts";
import type { BatchStep, StepResult } from "./statement-batch.ts";
import { marksOf } from "./statement-marks.ts";
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

/** What became of a transaction's last statement: it failed, and a ROLLBACK is still to come, unless it was `undone`. */
type Outcome = "committed" | "undone" | "failed";

/** What `pg` hands its messages to: cursors and streams bring it with them. */
interface Submittable {
  submit(connection: unknown): void;
  handleError(error: unknown, connection: unknown): void;
}

function isSubmittable(config: unknown): config is Submittable {
  return typeof config === "object" && config !== null && "submit" in config && "handleError" in config;
}

/** What a connection knows of the process that serves it. */
interface Backend {
  /** Whether it is the one that the connection was made with, and not one after another as behind a pooler. */
  readonly isOwn: boolean;
  /** Whether it is, and nobody may list its statements; see sql/hardening.sql. */
  readonly hidesNames: boolean;
}

/** Under which names a connection keeps what comes before and after the statements of a vault. */
const ownNames: ReadonlyMap<string, string> = new Map([
  [pin, "wellvault_pin"],
  [pinForKept, "wellvault_pin_for_kept"],
  ["begin", "wellvault_begin"],
  ["commit", "wellvault_commit"],
]);

const unknownBackend: Backend = { isOwn: false, hidesNames: false };

const askForProcess = fragment`select pg_catalog.pg_backend_pid() as pid`.text;

const askForBackend = fragment`
  select
    pg_catalog.pg_backend_pid() as pid,
    pg_catalog.has_function_privilege('pg_catalog.pg_prepared_statement()', 'execute') as shows_names
`.text;

/**
 * A client that spares round trips. A transaction's `begin` and its pin wait for the first statement, and all
 * three travel in one write. A lone statement travels with its pin, as one implicit transaction.
 *
 * A transaction that never comes to a statement is never begun.
 */
export class PinnedClient extends ExtendedClient {
  #opening: Opening | undefined;
  /** How the transaction ends whose last statement was sent; undefined again once its user has ended it. */
  #outcome: Promise<Outcome> | undefined;
  #isStale = false;
  /** What is known of the backend; undefined: not asked yet, or the question was cancelled or refused. */
  #backend: Backend | undefined;
  #question = askForBackend;
  readonly #kept = new KeptStatements();
  readonly #vaults = new Set<string>();

  /** The vaults that the connection was pinned to so far. */
  get vaults(): ReadonlySet<string> {
    return this.#vaults;
  }

  /** Whether the connection keeps statements of a vault, so that what is usual there need not be planned. */
  keepsStatementsOf(vault: string): boolean {
    return this.#kept.has(vault);
  }

  /**
   * Runs a statement once for each of the lists of values, in one transaction of its own that is pinned, and in one
   * write. All of them happen or, when one fails, none. One list needs no BEGIN, for its Sync commits it; but a text that is not
   * the source's has one all the same unless it is a data command: before PostgreSQL 18 a DO or CALL could commit, and so leave
   * its pin.
   *
   * @returns the rows of each
   * @throws VaultGoneError when the vault's role is missing
   */
  async runPinned<Values extends readonly unknown[], Row>(
    to: Pin,
    { text, isLiteral, isKept, rows }: Statement<Values, Row>,
    lists: readonly Values[],
  ): Promise<Row[][]> {
    if (this.#opening || this.getTransactionStatus() !== "I") throw new Error("the connection is in a transaction");
    this.#vaults.add(to.role);
    const kept = isKept && this.#backend?.hidesNames ? this.#kept.statementOf(to.role, text) : undefined;
    const step = kept ? { text, rows, name: kept.name, shape: kept.shape, explain: this.#explainKept } : { text, rows };
    const steps = [
      this.#pinStep(pinValues(to), kept ? pinForKept : pin),
      ...lists.map((values): BatchStep => ({ ...step, values })),
    ];
    const isLone = lists.length === 1 && (isLiteral || isDataCommand(text));
    const results = isLone
      ? await this.sendBatch(steps, isLiteral, this.#kept.takeClosing())
      : await this.#runExplicitly(steps, isLiteral);
    const [, { shape } = {}] = results;
    // Also when it is known: after a clean-up the server parses the statement anew, and describes what it is by then.
    if (kept && shape && shape !== kept.shape) this.#kept.describe(kept, shape);
    return results.slice(1).map((result) => result.rows as Row[]);
  }

  /** Runs steps between BEGIN and COMMIT, all in one write, and returns what they returned. */
  async #runExplicitly(steps: readonly BatchStep[], isLiteral: boolean): Promise<StepResult[]> {
    const common = { values: [], ignoresRows: true, explain: this.#explainKept };
    const edge = (text: string): BatchStep => ({ ...common, text, name: this.#ownName(text) });
    try {
      const all = [edge("begin"), ...steps, edge("commit")];
      const results = await this.sendBatch(all, isLiteral, this.#kept.takeClosing());
      return results.slice(1, -1);
    } catch (error) {
      // Whoever gets the error may take it that nothing of the transaction is left, its locks neither. A rollback that fails
      // has lost its connection, which the pool will not take back.
      if (this.getTransactionStatus() === "E")
        await this.#runLast([edge("rollback")], isLiteral).catch(() => undefined);
      throw error;
    }
  }

  protected override get isWornOut(): boolean {
    // A transaction that nobody ended is the next user's no more than its vaults are.
    if (this.#isStale) return true;
    return this.#vaults.size > maxVaults || this.#opening !== undefined || this.#outcome !== undefined;
  }

  override query(config: unknown, ...rest: unknown[]): never {
    return (this.#intercept(config, rest) ?? super.query(config, ...rest)) as never;
  }

  #intercept(config: unknown, rest: readonly unknown[]): unknown {
    const [values] = rest;
    if (typeof config !== "string" || (values !== undefined && !Array.isArray(values)) || rest.length > 1) {
      if (this.#outcome) return this.#refuse(config);
      return this.#opening ? this.#afterOpening(config, rest) : undefined;
    }
    const isEnd = /^(commit|rollback)$/i.test(config);
    if (this.#outcome) {
      return isEnd ? this.#endAfter(this.#outcome, config) : this.#refuse(config);
    }
    if (/^(begin|start transaction)\b/i.test(config) && !this.#opening && !this.isLost) {
      this.#opening = { begin: config };
      return Promise.resolve(done);
    }
    const { isLast, isLiteral, rows } = marksOf(values);
    const step = { text: config, values: values ?? [], rows };
    if (isLast) return this.#finish(step, isLiteral);
    if (!this.#opening) {
      if (isEnd) return this.#end(config);
      return isLiteral || rows ? this.#runLast([step], isLiteral) : undefined;
    }
    if (isEnd) {
      this.#opening = undefined;
      return Promise.resolve(done);
    }
    if (config === pin) {
      this.#opening.pinValues = values ?? [];
      this.#vaults.add(String(values?.at(-1)));
      return Promise.resolve(done);
    }
    return this.#runLast([...this.#open(), step], isLiteral);
  }

  /** Refuses what comes after the last statement of a transaction: it would run without a pin. */
  #refuse(config: unknown): unknown {
    const error = new Error("the transaction is over");
    if (!isSubmittable(config)) return Promise.reject(error);
    config.handleError(error, this.connection);
    return config;
  }

  /** Runs statements in one write and returns what the last of them returned. */
  async #runLast(steps: readonly BatchStep[], isLiteral: boolean): Promise<StepResult | undefined> {
    return (await this.sendBatch(steps, isLiteral)).at(-1);
  }

  /** Ends the transaction, and fails when a commit was none. */
  async #end(config: string): Promise<unknown> {
    // A rollback never rejects, which is the business of the base class; the client is cleaned after it in any case.
    if (!/^commit$/i.test(config)) return await super.query(config, []);
    const result = await this.#runLast([{ text: config, values: [] }], true);
    // The server answers ROLLBACK to the commit of a transaction in which a statement failed.
    if (result?.command === "ROLLBACK") throw new NothingCommittedError();
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

  /**
   * Runs the last statement of the transaction and commits it, all in one write. The `commit` that follows finds it done.
   * When the last one is the first one, too, there is no BEGIN and no COMMIT where {@link runPinned} has none.
   */
  async #finish(step: BatchStep, isLiteral: boolean): Promise<StepResult | undefined> {
    const isLone = this.#opening?.begin === "begin" && (isLiteral || isDataCommand(step.text));
    const opened = this.#open();
    const steps = isLone ? [...opened.slice(1), step] : [...opened, step, { text: "commit", values: [] }];
    const running = this.sendBatch(steps, isLiteral);
    this.#outcome = running.then(
      // The server answers ROLLBACK where there is nothing that it could commit.
      (results) => (isLone || results.at(-1)?.command === "COMMIT" ? "committed" : "undone"),
      () => (isLone ? "undone" : "failed"),
    );
    const results = await running;
    if ((await this.#outcome) === "undone") throw new NothingCommittedError();
    return results.at(isLone ? -1 : -2);
  }

  /** Ends a transaction whose last statement was sent: most often there is nothing left to do. */
  async #endAfter(outcome: Promise<Outcome>, config: string): Promise<unknown> {
    const result = await outcome;
    this.#outcome = undefined;
    if (result === "failed") return await this.#end(config);
    if (result === "undone" && /^commit$/i.test(config)) throw new NothingCommittedError();
    return done;
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
  #pinStep(values: readonly unknown[], text = pin): BatchStep {
    if (this.#backend === undefined) this.#askForBackend();
    return {
      text,
      values,
      ignoresRows: true,
      // Parsed once: its plan is good under every token, for it reads no vault. A pooler's next backend may
      // not know the name.
      name: this.#ownName(text),
      explain: (error) => {
        // invalid_parameter_value: of all that the pin sets, only the role can be one that there is not.
        if (error.code === "22023") return new VaultGoneError("the vault's role is missing", { cause: error });
        if (error.code !== "42501") return this.#explainKept(error);
        return this.#staleFor("the connection may not become the vault's role", error);
      },
    };
  }

  #ownName(text: string): string | undefined {
    return this.#backend?.isOwn ? ownNames.get(text) : undefined;
  }

  readonly #explainKept = (error: pg.DatabaseError): Error => {
    // invalid_sql_statement_name: something had the connection let go of its statements. feature_not_supported: a
    // migration changed what the kept one returns.
    if (error.code !== "26000" && error.code !== "0A000") return error;
    return this.#staleFor("the connection's statement cannot be used any more", error);
  };

  #staleFor(reason: string, cause: Error): Error {
    this.#isStale = true;
    return new StaleConnectionError(reason, { cause });
  }

  /** Finds out what of its statements the connection may keep. */
  #askForBackend(): void {
    this.#backend = unknownBackend;
    const { processID } = this as unknown as { processID: number | null };
    this.sendBatch([{ text: this.#question, values: [] }], true).then(
      ([result]) => {
        const isOwn = result?.rows[0]?.["pid"] === processID;
        this.#backend = { isOwn, hidesNames: isOwn && result?.rows[0]?.["shows_names"] === false };
      },
      // A cancellation that was meant for a statement may have met the question: it is asked again. Of a lost
      // connection its user is told.
      (error: unknown) => {
        // A version that did not ask whether names are hidden hardened the database. Then they count as shown.
        if (sqlStateOf(error) === "42501") this.#question = askForProcess;
        this.#backend = undefined;
      },
    );
  }
}

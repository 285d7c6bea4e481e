import pg from "pg";
import type { ColumnTexts, RowReader } from "./row-reader.ts";

/** What the server says of a statement's rows, and how they are read. */
export interface RowShape {
  readonly fields: readonly pg.FieldDef[];
  readonly parsers: readonly ((text: string) => unknown)[];
  /** A row without values. Each row begins as a copy of it, so that all of them have one shape from the start. */
  readonly blank: Readonly<Record<string, unknown>>;
}

const noColumns: RowShape = { fields: [], parsers: [], blank: {} };

/** A statement of a {@link StatementBatch}. */
export interface BatchStep {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Under which name the server keeps the statement, so that it is parsed once a connection; undefined: not kept. */
  readonly name?: string | undefined;
  /** Whether what it returns is of no use; then nothing is asked about its columns, and its rows are empty. */
  readonly ignoresRows?: boolean;
  /**
   * What the server said of the rows when it ran the statement under this name before. It is not asked again as long as it
   * keeps the statement, for it would rather fail than return other columns (feature_not_supported).
   */
  readonly shape?: RowShape | undefined;
  /** How its rows are read; undefined: by the columns' names and types. */
  readonly rows?: RowReader<unknown> | undefined;
  /** Says what the step's error means, when the server refuses it. */
  readonly explain?: (error: pg.DatabaseError) => Error;
}

/** What a step returned, as `pg` returns it. */
export interface StepResult {
  /** The command's name: `SELECT`, `INSERT`, ... */
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: Record<string, unknown>[];
  readonly fields: readonly pg.FieldDef[];
  /** For {@link BatchStep.shape}, when the statement is run again. */
  readonly shape: RowShape;
}

/** Returns the function that reads a column's text, by the column's type. */
export type TypeParserOf = (typeId: number) => (text: string) => unknown;

/** How `pg` sends the messages of the extended protocol; its types leave them out. */
interface Wire extends NodeJS.EventEmitter {
  readonly stream: NodeJS.WritableStream;
  /** The texts of the statements that the server keeps, by name; pg writes it by a query's `name`. */
  readonly parsedStatements: Record<string, string>;
  parse(message: { text: string; name: string }): void;
  bind(message: { statement: string; values: readonly unknown[]; valueMapper: (value: unknown) => unknown }): void;
  close(message: { type: "S"; name: string }): void;
  describe(message: { type: "P" }): void;
  execute(message: { portal: "" }): void;
  sync(): void;
}

const { prepareValue } = (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils;

/**
 * Several statements in one write to the socket and one answer: the extended protocol with one Sync, after
 * the last of them. Outside a transaction they are one implicit transaction, which that Sync commits. The
 * first error skips what comes after it.
 *
 * A step that has the text of the step before is parsed once and bound again.
 */
export class StatementBatch implements pg.Submittable {
  /** Resolves once the server is ready again, with a result for each step. */
  readonly done: Promise<StepResult[]>;
  readonly #steps: readonly BatchStep[];
  readonly #closing: readonly string[];
  readonly #parserOf: TypeParserOf;
  readonly #results: StepResult[] = [];
  #resolve: (results: StepResult[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  /** Of the step that the server is at; undefined before its first row. */
  #shape: RowShape | undefined;
  #rows: Record<string, unknown>[] = [];
  #failure: unknown;

  /** @param closing names of statements that the server need not keep any more */
  constructor(steps: readonly BatchStep[], parserOf: TypeParserOf, closing: readonly string[] = []) {
    this.#steps = steps;
    this.#closing = closing;
    this.#parserOf = parserOf;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The step that the server is at. */
  get #step(): BatchStep | undefined {
    return this.#steps[this.#results.length];
  }

  /** Name of the step that the server is at; `pg` asks for it when a statement was parsed. */
  get name(): string | undefined {
    return this.#step?.name;
  }

  /** Text of the step that the server is at. */
  get text(): string | undefined {
    return this.#step?.text;
  }

  submit(connection: pg.Connection): void {
    const { wire, messages } = collectorOf(connection);
    try {
      for (const name of this.#closing) {
        wire.close({ type: "S", name });
        delete wire.parsedStatements[name];
      }
      let before: BatchStep | undefined;
      for (const step of this.#steps) {
        const { text, values, name = "", ignoresRows } = step;
        const isParsed = text === before?.text && step.name === before.name;
        const isKept = name !== "" && wire.parsedStatements[name] === text;
        if (!isParsed && !isKept) wire.parse({ text, name });
        before = step;
        wire.bind({ statement: name, values, valueMapper: prepareValue });
        if (!ignoresRows && !(isKept && step.shape)) wire.describe({ type: "P" });
        wire.execute({ portal: "" });
      }
    } catch (error) {
      // A value that cannot be sent. What was written before it still runs and fails as a whole, for there
      // is no commit before the Sync and the error comes first.
      this.#failure = error;
      wire.parse({ text: abandon, name: "" });
    } finally {
      wire.sync();
      if (wire.stream.writable) wire.stream.write(Buffer.concat(messages));
      messages.length = 0;
    }
  }

  handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    const expected = this.#step?.rows?.columns;
    if (expected && (expected.length !== fields.length || fields.some(({ name }, n) => name !== expected[n]))) {
      this.#failure ??= new Error(`the statement returns other columns than ${expected.join(", ")}`);
    }
    this.#shape = {
      fields,
      parsers: fields.map(({ dataTypeID }) => this.#parserOf(dataTypeID)),
      blank: Object.fromEntries(fields.map(({ name }) => [name, null])),
    };
  }

  handleDataRow({ fields: texts }: { fields: ColumnTexts }): void {
    if (this.#failure !== undefined) return;
    this.#shape ??= this.#knownShape;
    const { rows } = this.#step ?? {};
    try {
      this.#rows.push(rows ? (rows.read(texts) as Record<string, unknown>) : readByType(texts, this.#shape));
    } catch (error) {
      this.#failure = error;
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const [, command = "", count] = /^([A-Z]+)(?: \d+)??(?: (\d+))?$/i.exec(text) ?? [];
    this.#finish(command, count === undefined ? null : Number(count));
  }

  handleEmptyQuery(): void {
    this.#finish("", null);
  }

  handlePortalSuspended(): void {
    // Never: every execution is for all rows.
  }

  handleCopyInResponse(connection: pg.Connection): void {
    (connection as unknown as { sendCopyFail(reason: string): void }).sendCopyFail("nothing is copied here");
  }

  handleCopyData(): void {
    // What COPY TO would send is left unread: statements are for rows.
  }

  handleError(error: unknown, connection: pg.Connection): void {
    const explain = this.#step?.explain;
    this.#failure ??= error instanceof pg.DatabaseError && explain ? explain(error) : error;
    if (!(error instanceof pg.DatabaseError)) {
      this.#reject(this.#failure);
      return;
    }
    // The server says next in which state the transaction is; nobody may have the connection before.
    const settle = () => {
      connection.off("readyForQuery", settle).off("end", settle);
      this.#reject(this.#failure);
    };
    connection.on("readyForQuery", settle).on("end", settle);
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve(this.#results);
    else this.#reject(this.#failure);
  }

  /** What was known of the rows of the step that the server is at before it was sent. */
  get #knownShape(): RowShape {
    return this.#step?.shape ?? noColumns;
  }

  #finish(command: string, rowCount: number | null): void {
    const shape = this.#shape ?? this.#knownShape;
    this.#results.push({ command, rowCount, rows: this.#rows, fields: shape.fields, shape });
    this.#rows = [];
    this.#shape = undefined;
  }
}

/** Reads a row by the names and types of its columns. */
function readByType(texts: ColumnTexts, { fields, parsers, blank }: RowShape): Record<string, unknown> {
  const row = { ...blank };
  for (let n = 0; n < texts.length; n++) {
    const text = texts[n];
    const name = fields[n]?.name;
    if (text !== null && text !== undefined && name !== undefined) row[name] = parsers[n]?.(text);
  }
  return row;
}

/** A connection that makes messages, and collects what it would write one by one. */
interface Collector {
  readonly wire: Wire;
  readonly messages: Buffer[];
}

/** The collectors of connections: to make one takes longer than a message, so a connection has one for good. */
const collectors = new WeakMap<pg.Connection, Collector>();

function collectorOf(connection: pg.Connection): Collector {
  let collector = collectors.get(connection);
  if (!collector) {
    const messages: Buffer[] = [];
    const wire = Object.assign(Object.create(connection) as Wire, { _send: (bytes: Buffer) => messages.push(bytes) });
    collector = { wire, messages };
    collectors.set(connection, collector);
  }
  return collector;
}

/** No statement at all: fails, and with it whatever came before it since the last Sync. */
const abandon = "abandon";

import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { RowShape } from "./statement-batch.ts";

/**
 * Vaults whose statements a connection keeps, at most. All of a vault's take 1 MB of its backend, several
 * times what the backend knows of the vault's tables: 130 MB together, where every vault uses all of them.
 */
export const maxKeptVaults = 128;

/** A statement that a connection keeps for a vault. */
export interface KeptStatement {
  readonly name: string;
  /** Of its rows, once the server has described them. */
  shape: RowShape | undefined;
}

/**
 * The names under which a connection keeps the statements of vaults, one for each vault and text. Nobody can guess them,
 * for they hold a random number; so who injects a statement cannot run or explain the plans of another vault, and the
 * policies in these would still refuse the rows.
 */
export class KeptStatements {
  readonly #secret = randomBytes(16).toString("hex");
  readonly #vaults: LRUCache<string, Map<string, KeptStatement>>;
  /** The shapes of rows that were described, by their columns' names and types. */
  readonly #shapes = new Map<string, RowShape>();
  #count = 0;
  #closing: string[] = [];

  constructor(max = maxKeptVaults) {
    this.#vaults = new LRUCache<string, Map<string, KeptStatement>>({
      max,
      dispose: (statements) => {
        for (const { name } of statements.values()) this.#closing.push(name);
      },
    });
  }

  /** A vault's statement, which has its name from here on. */
  statementOf(vault: string, text: string): KeptStatement {
    let statements = this.#vaults.get(vault);
    if (!statements) {
      statements = new Map();
      this.#vaults.set(vault, statements);
    }
    let statement = statements.get(text);
    if (!statement) {
      statement = { name: `${this.#secret}_${++this.#count}`, shape: undefined };
      statements.set(text, statement);
    }
    return statement;
  }

  /**
   * Remembers the shape of a statement's rows. Those of different vaults are as good as equal, for which table a column is of
   * is never asked; so one is held for all of them, and another one while a column's type is being changed.
   */
  describe(statement: KeptStatement, shape: RowShape): void {
    const columns = JSON.stringify(shape.fields.map(({ name, dataTypeID }) => [name, dataTypeID]));
    const same = this.#shapes.get(columns) ?? shape;
    this.#shapes.set(columns, same);
    statement.shape = same;
  }

  /** Whether any statement of a vault is kept; to ask does not count as use. */
  has(vault: string): boolean {
    return this.#vaults.has(vault);
  }

  /** Returns the names that the server need not keep any more, once. */
  takeClosing(): readonly string[] {
    const closing = this.#closing;
    if (closing.length > 0) this.#closing = [];
    return closing;
  }
}

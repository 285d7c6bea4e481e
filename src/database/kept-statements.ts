import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";

/**
 * Vaults whose statements a connection keeps, at most. A vault's plans take some hundred kilobytes of its backend, about
 * as much as what the backend knows of the vault's tables.
 */
export const maxKeptVaults = 128;

/**
 * The names under which a connection keeps the statements of vaults, one for each vault and text. Nobody can guess them,
 * for they hold a random number; so who injects a statement cannot run or explain the plans of another vault, and the
 * policies in these would still refuse the rows.
 */
export class KeptStatements {
  readonly #secret = randomBytes(16).toString("hex");
  readonly #vaults: LRUCache<string, Map<string, string>>;
  #count = 0;
  #closing: string[] = [];

  constructor(max = maxKeptVaults) {
    this.#vaults = new LRUCache<string, Map<string, string>>({
      max,
      dispose: (names) => this.#closing.push(...names.values()),
    });
  }

  /** The name of a vault's statement. */
  nameOf(vault: string, text: string): string {
    let names = this.#vaults.get(vault);
    if (!names) {
      names = new Map();
      this.#vaults.set(vault, names);
    }
    let name = names.get(text);
    if (name === undefined) {
      name = `${this.#secret}_${++this.#count}`;
      names.set(text, name);
    }
    return name;
  }

  /** Returns the names that the server need not keep any more, once. */
  takeClosing(): readonly string[] {
    const closing = this.#closing;
    if (closing.length > 0) this.#closing = [];
    return closing;
  }
}

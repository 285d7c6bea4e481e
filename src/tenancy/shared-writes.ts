/** Lets writes by one statement that wait at the same time for one vault share a transaction, and so a commit. */
export interface SharedWrites {
  /**
   * Runs a write and returns its rows. When as many transactions of its kind as may run at once are under way,
   * it waits for the next, together with all others that wait; otherwise it starts at once.
   *
   * @param vault the vault that the write is for; only writes of one vault share a transaction
   * @throws what {@link WriteItem.alone} throws, when the shared transaction failed because of any of its writes
   */
  run<Item extends WriteItem>(vault: string, item: Item, runner: SharedRunner<Item>): Promise<Item["rows"]>;
}

/** A write that may share a transaction. */
export interface WriteItem {
  /** What it brings back. */
  readonly rows: unknown;
  /** How large it is; one for a single row. */
  readonly weight: number;
  /**
   * What it locks, as a text by which such writes are sorted. A transaction takes one write of each lock, in their
   * order; when each write takes its own rows in an order, too, no two transactions wait for each other.
   */
  readonly lock: string;
  /** Fires when its caller does not wait any more. */
  readonly signal: AbortSignal;
}

/** How the writes of one kind are run. */
export interface SharedRunner<Item extends WriteItem> {
  /** Runs several in one transaction: the results in their order, or an error and none of them has happened. */
  together(items: readonly Item[], signal: AbortSignal): Promise<Item["rows"][]>;
  /** Runs one in a transaction of its own. */
  alone(item: Item): Promise<Item["rows"]>;
  /** Waits for the turn to run, and runs. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** Whether after this error it is certain that nothing was written, so that each may be tried alone. */
  isUndone(error: unknown): boolean;
  /** What the callers are told of an error after which that is not certain. */
  explain(error: unknown): unknown;
}

/**
 * Transactions of a vault that run at the same time. Each more would commit fewer writes at once, and a commit
 * costs more than a row.
 */
const transactionsAtOnce = 4;
/** Weight of one transaction at most; a single heavier write runs by itself. */
const maxWeight = 2_000;
/** Writes in one transaction at most. */
const maxItems = 64;

interface Waiting {
  readonly item: WriteItem;
  readonly resolve: (rows: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Line {
  waiting: Waiting[];
  running: number;
}

/** Makes a {@link SharedWrites}. */
export function createSharedWrites(): SharedWrites {
  const lines = new Map<string, Line>();

  function take(line: Line): Waiting[] {
    if (line.waiting.length === 1) return line.waiting.splice(0);
    const taken = new Map<string, Waiting>();
    let weight = 0;
    for (const waiting of line.waiting) {
      const { item } = waiting;
      if (taken.has(item.lock)) continue;
      weight += item.weight;
      if (taken.size > 0 && (weight > maxWeight || taken.size >= maxItems)) break;
      taken.set(item.lock, waiting);
    }
    const chosen = new Set(taken.values());
    line.waiting = line.waiting.filter((waiting) => !chosen.has(waiting));
    return [...chosen].sort((one, other) => (one.item.lock < other.item.lock ? -1 : 1));
  }

  async function runSome(line: Line, runner: SharedRunner<WriteItem>): Promise<void> {
    const taken = take(line).filter(({ item, reject }) => {
      if (item.signal.aborted) reject(item.signal.reason);
      return !item.signal.aborted;
    });
    const [first] = taken;
    if (!first) return;
    if (taken.length > 1) {
      const all = whenAllFired(taken.map(({ item }) => item.signal));
      try {
        const results = await runner.together(
          taken.map(({ item }) => item),
          all.signal,
        );
        for (const [index, { resolve }] of taken.entries()) resolve(results[index] as never);
        return;
      } catch (error) {
        if (!runner.isUndone(error)) {
          for (const { reject } of taken) reject(runner.explain(error));
          return;
        }
      } finally {
        all.forget();
      }
    }
    // One of them failed and took the others with it: by itself each gets what is its own.
    for (const { item, resolve, reject } of taken) await runner.alone(item).then(resolve as never, reject);
  }

  async function serve(vault: string, line: Line, runner: SharedRunner<WriteItem>): Promise<void> {
    while (line.waiting.length > 0) {
      await runner
        .inTurn(() => runSome(line, runner))
        // There was no turn for whoever asked: those it waited for are told why.
        .catch((error: unknown) => {
          for (const { reject } of take(line)) reject(error);
        });
    }
    line.running--;
    if (line.running === 0) lines.delete(vault);
  }

  return {
    run(vault, item, runner) {
      const line = lines.get(vault) ?? { waiting: [], running: 0 };
      lines.set(vault, line);
      return new Promise((resolve, reject) => {
        line.waiting.push({ item, resolve, reject });
        if (line.running >= transactionsAtOnce) return;
        line.running++;
        void serve(vault, line, runner as unknown as SharedRunner<WriteItem>);
      });
    },
  };
}

/** A signal that fires when all of some signals have. */
function whenAllFired(signals: readonly AbortSignal[]): { signal: AbortSignal; forget: () => void } {
  const all = new AbortController();
  let left = signals.length;
  const onAbort = () => {
    left--;
    if (left === 0) all.abort(signals[0]?.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
  return {
    signal: all.signal,
    forget() {
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
    },
  };
}

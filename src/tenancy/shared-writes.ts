import { LRUCache } from "lru-cache";

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
/**
 * For how long a lock whose write failed by itself is shared with nobody, in milliseconds, and how many such locks
 * are remembered. A row that somebody holds fails every transaction that wants it, after seconds.
 */
const apartMs = 10_000;
const maxApart = 10_000;

interface Waiting {
  /** Grows from write to write of a line. */
  readonly place: number;
  readonly item: WriteItem;
  readonly resolve: (rows: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Line {
  waiting: Waiting[];
  /** Place of the newest write. */
  newest: number;
  running: number;
}

/** Makes a {@link SharedWrites}. */
export function createSharedWrites(): SharedWrites {
  const lines = new Map<string, Line>();
  const apart = new LRUCache<string, true>({ max: maxApart, ttl: apartMs });
  const lockOf = (vault: string, { lock }: WriteItem) => `${vault} ${lock}`;

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

  /** Runs some of those that wait, and returns what is left to be tried by itself. */
  async function runSome(line: Line, runner: SharedRunner<WriteItem>): Promise<Waiting[]> {
    const taken = take(line).filter(({ item, reject }) => {
      if (item.signal.aborted) reject(item.signal.reason);
      return !item.signal.aborted;
    });
    const [first, ...others] = taken;
    if (!first) return [];
    if (others.length === 0) {
      await runner.alone(first.item).then(first.resolve as never, first.reject);
      return [];
    }
    const all = whenAllFired(taken.map(({ item }) => item.signal));
    try {
      const results = await runner.together(
        taken.map(({ item }) => item),
        all.signal,
      );
      for (const [index, { resolve }] of taken.entries()) resolve(results[index] as never);
      return [];
    } catch (error) {
      if (runner.isUndone(error)) return taken;
      for (const { reject } of taken) reject(runner.explain(error));
      return [];
    } finally {
      all.forget();
    }
  }

  /** Runs a write by itself, in a turn of its own, so that it keeps nobody waiting. */
  async function runAlone(vault: string, { item, resolve, reject }: Waiting, runner: SharedRunner<WriteItem>) {
    await runner
      .inTurn(async () => {
        item.signal.throwIfAborted();
        // What never had its turn says nothing of its lock.
        await runner.alone(item).then(resolve as never, (error: unknown) => {
          apart.set(lockOf(vault, item), true);
          reject(error);
        });
      })
      .catch(reject);
  }

  async function serve(vault: string, line: Line, runner: SharedRunner<WriteItem>): Promise<void> {
    while (line.waiting.length > 0) {
      const { newest } = line;
      try {
        let left: Waiting[] = [];
        await runner.inTurn(async () => {
          left = await runSome(line, runner);
        });
        // One of them failed and took the others with it: by itself each gets what is its own.
        for (const waiting of left) void runAlone(vault, waiting, runner);
      } catch (error) {
        // There was no turn. Those that came later have not waited for as long, and another may come for them.
        const late = line.waiting.filter(({ place }) => place <= newest);
        line.waiting = line.waiting.filter(({ place }) => place > newest);
        for (const { reject } of late) reject(error);
      }
    }
    line.running--;
    if (line.running === 0) lines.delete(vault);
  }

  return {
    run(vault, item, runner) {
      const anyRunner = runner as unknown as SharedRunner<WriteItem>;
      return new Promise((resolve, reject) => {
        if (apart.has(lockOf(vault, item))) {
          void runAlone(vault, { place: 0, item, resolve, reject }, anyRunner);
          return;
        }
        const line = lines.get(vault) ?? { waiting: [], newest: 0, running: 0 };
        lines.set(vault, line);
        line.waiting.push({ place: ++line.newest, item, resolve, reject });
        if (line.running >= transactionsAtOnce) return;
        line.running++;
        void serve(vault, line, anyRunner);
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

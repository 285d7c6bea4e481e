import { LRUCache } from "lru-cache";
import { errors } from "../errors.ts";

/** Lets writes by one statement that wait at the same time for one vault share a transaction, and so a commit. */
export interface SharedWrites {
  /**
   * Runs a write and returns its rows. When as many transactions of its kind as may run at once are under way,
   * it waits for the next, together with all others that wait; otherwise it starts at once.
   *
   * @param vault the vault that the write is for; only writes of one vault share a transaction
   * @throws what {@link WriteItem.alone} throws, when the shared transaction failed because of any of its writes;
   *   WellvaultError OVERLOADED when too much waits for the vault already
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

/**
 * Weight of the writes of a vault and kind that wait at most: what they hold stays in memory until their turn. 256 calls
 * of 1,000 samples each fit in it, as many as a caller's connection has streams.
 */
const maxWaitingWeight = 300_000;

interface Waiting {
  /** Grows from write to write of a line. */
  readonly place: number;
  readonly item: WriteItem;
  readonly resolve: (rows: never) => void;
  readonly reject: (error: unknown) => void;
  /** The one that came next with the same lock. */
  next: Waiting | undefined;
}

/** The writes of one lock that wait, in the order they came. */
interface Queue {
  first: Waiting;
  last: Waiting;
}

interface Line {
  readonly vault: string;
  /** By their locks, which take turns. */
  readonly queues: Map<string, Queue>;
  /** Place of the newest write. */
  newest: number;
  running: number;
}

/** Makes a {@link SharedWrites}. */
export function createSharedWrites(): SharedWrites {
  const lines = new Map<string, Line>();
  const apart = new LRUCache<string, true>({ max: maxApart, ttl: apartMs });
  /** What waits for each vault, in its line or to run alone. */
  const weights = new Map<string, number>();
  const lockOf = (vault: string, { lock }: WriteItem) => `${vault} ${lock}`;

  function hold(vault: string, weight: number): void {
    const sum = (weights.get(vault) ?? 0) + weight;
    if (sum === 0) weights.delete(vault);
    else weights.set(vault, sum);
  }

  function add(line: Line, waiting: Waiting): void {
    const { lock, weight } = waiting.item;
    hold(line.vault, weight);
    const queue = line.queues.get(lock);
    if (!queue) {
      line.queues.set(lock, { first: waiting, last: waiting });
      return;
    }
    queue.last.next = waiting;
    queue.last = waiting;
  }

  /**
   * Takes the first write of a lock out of the line; whatever waits behind it goes to the line's end, and is returned.
   */
  function leave(line: Line, { first, last }: Queue): Queue | undefined {
    const { lock, weight } = first.item;
    hold(line.vault, -weight);
    line.queues.delete(lock);
    if (!first.next) return undefined;
    const left = { first: first.next, last };
    line.queues.set(lock, left);
    // A write that is done must not keep in memory what came after it.
    first.next = undefined;
    return left;
  }

  /** Rejects the writes at the front of a lock as long as they are of a sort, and returns what waits behind them. */
  function rejectWhile(
    line: Line,
    queue: Queue,
    isOfSort: (waiting: Waiting) => boolean,
    reasonOf: (item: WriteItem) => unknown,
  ): Queue | undefined {
    let left: Queue | undefined = queue;
    while (left && isOfSort(left.first)) {
      const { item, reject } = left.first;
      left = leave(line, left);
      reject(reasonOf(item));
    }
    return left;
  }

  /**
   * Takes one write of each lock, as many as may share a transaction, in the order of their locks. Those whose callers
   * have gone are not taken.
   */
  function take(line: Line): Waiting[] {
    const taken: Waiting[] = [];
    let weight = 0;
    // Not the map itself: a lock that has gone to its end has had its turn.
    for (const waiting of [...line.queues.values().take(maxItems)]) {
      const queue = rejectWhile(line, waiting, isGone, ({ signal }) => signal.reason);
      if (!queue) continue;
      if (taken.length > 0 && weight + queue.first.item.weight > maxWeight) break;
      const { first } = queue;
      leave(line, queue);
      weight += first.item.weight;
      taken.push(first);
    }
    return taken.sort((one, other) => (one.item.lock < other.item.lock ? -1 : 1));
  }

  /** Runs some of those that wait, and returns what is left to be tried by itself. */
  async function runSome(line: Line, runner: SharedRunner<WriteItem>): Promise<Waiting[]> {
    const taken = take(line);
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
    hold(vault, item.weight);
    let isHeld = true;
    const release = () => {
      if (isHeld) hold(vault, -item.weight);
      isHeld = false;
    };
    await runner
      .inTurn(async () => {
        release();
        item.signal.throwIfAborted();
        // What never had its turn says nothing of its lock.
        await runner.alone(item).then(resolve as never, (error: unknown) => {
          apart.set(lockOf(vault, item), true);
          reject(error);
        });
      })
      .catch(reject)
      .finally(release);
  }

  async function serve(vault: string, line: Line, runner: SharedRunner<WriteItem>): Promise<void> {
    while (line.queues.size > 0) {
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
        const isLate = ({ place }: Waiting) => place <= newest;
        for (const queue of [...line.queues.values()]) rejectWhile(line, queue, isLate, () => error);
      }
    }
    line.running--;
    if (line.running === 0) lines.delete(vault);
  }

  return {
    run(vault, item, runner) {
      const anyRunner = runner as unknown as SharedRunner<WriteItem>;
      return new Promise((resolve, reject) => {
        if ((weights.get(vault) ?? 0) >= maxWaitingWeight) throw errors.overloaded();
        if (apart.has(lockOf(vault, item))) {
          void runAlone(vault, { place: 0, item, resolve, reject, next: undefined }, anyRunner);
          return;
        }
        const line = lines.get(vault) ?? { vault, queues: new Map(), newest: 0, running: 0 };
        lines.set(vault, line);
        add(line, { place: ++line.newest, item, resolve, reject, next: undefined });
        if (line.running >= transactionsAtOnce) return;
        line.running++;
        void serve(vault, line, anyRunner);
      });
    },
  };
}

/** Whether nobody waits for a write any more. */
function isGone({ item }: Waiting): boolean {
  return item.signal.aborted;
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

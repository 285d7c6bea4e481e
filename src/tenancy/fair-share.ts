import { errors } from "../errors.ts";

/**
 * Shares a number of slots between vaults: those that wait are served in turn, a call at a time, and
 * none holds them all. So a company that sends five hundred calls at once makes its own calls wait,
 * and not those of the others.
 */
export interface FairShare {
  /**
   * Runs `work` once a slot is free for the vault.
   *
   * @throws WellvaultError OVERLOADED when none was for {@link FairShareOptions.waitMs}, or the signal's
   *   reason when it fired first; `work` has not begun then
   */
  run<T>(vault: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** How to make a {@link FairShare}. */
export interface FairShareOptions {
  /** What can run at the same time. */
  readonly slots: number;
  /** How long a call may wait for a slot, in milliseconds. */
  readonly waitMs: number;
  /**
   * Whether what has just become free suits a vault better than what else may. Such a vault may overtake those
   * before it in the line, but for one turn in as many as there are slots, which is the first one's.
   */
  readonly isNear?: (vault: string) => boolean;
}

/** How far back in the line a vault that is near is looked for. */
const maxLook = 100;

/** Makes a {@link FairShare}. */
export function createFairShare({ slots, waitMs, isNear = () => true }: FairShareOptions): FairShare {
  // A quarter is left for others, as far as there is more than one.
  const mostOfOne = Math.max(1, slots - Math.max(1, Math.floor(slots / 4)));
  const held = new Map<string, number>();
  /** The vaults that are waited for, in the order of their turns, each with its calls in the order they came. */
  const waiting = new Map<string, Set<() => void>>();
  let free = slots;

  const heldBy = (vault: string) => held.get(vault) ?? 0;
  const mayTake = (vault: string) => free > 0 && heldBy(vault) < mostOfOne;

  function take(vault: string): void {
    free--;
    held.set(vault, heldBy(vault) + 1);
  }

  function give(vault: string): void {
    free++;
    const left = heldBy(vault) - 1;
    if (left > 0) held.set(vault, left);
    else held.delete(vault);
    serveNext();
  }

  /** Turns in a row in which the first in the line was overtaken. */
  let overtaken = 0;

  function serveNext(): void {
    const vault = whoseTurn();
    const calls = vault === undefined ? undefined : waiting.get(vault);
    const [start] = calls ?? [];
    if (vault === undefined || !calls || !start) return;
    leave(vault, start);
    // To the end of the line: the next turn is another vault's.
    if (calls.size > 0) {
      waiting.delete(vault);
      waiting.set(vault, calls);
    }
    take(vault);
    start();
  }

  /** The first in the line that may have a slot, or one after it that is near. */
  function whoseTurn(): string | undefined {
    let first: string | undefined;
    let looked = 0;
    for (const vault of waiting.keys()) {
      if (!mayTake(vault)) continue;
      first ??= vault;
      if (overtaken + 1 >= slots || looked++ >= maxLook) break;
      if (!isNear(vault)) continue;
      overtaken = vault === first ? 0 : overtaken + 1;
      return vault;
    }
    overtaken = 0;
    return first;
  }

  function leave(vault: string, start: () => void): void {
    const calls = waiting.get(vault);
    calls?.delete(start);
    if (calls?.size === 0) waiting.delete(vault);
  }

  async function acquire(vault: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (mayTake(vault) && !waiting.has(vault)) return take(vault);
    await new Promise<void>((done, fail) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        end();
      };
      const start = () => settle(done);
      const giveUp = (reason: unknown) => {
        leave(vault, start);
        settle(() => fail(reason));
      };
      const onAbort = () => giveUp(signal.reason);
      const timer = setTimeout(() => giveUp(errors.overloaded()), waitMs);
      signal.addEventListener("abort", onAbort, { once: true });
      const calls = waiting.get(vault) ?? new Set();
      waiting.set(vault, calls.add(start));
    });
  }

  return {
    async run(vault, signal, work) {
      await acquire(vault, signal);
      try {
        return await work();
      } finally {
        give(vault);
      }
    },
  };
}

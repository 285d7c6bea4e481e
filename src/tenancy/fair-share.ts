import type { Nearness } from "../database/vault-clients.ts";
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
   * How well what has just become free suits a vault. Those that it suits better may overtake the others in the line,
   * but for one turn in {@link turnsPerSlot} times the slots, which is the first one's.
   */
  readonly nearnessOf?: (vault: string) => Nearness;
}

/**
 * How often the first in the line is overtaken at most, for each slot. Where every slot is free as often as the others, a
 * vault that is near to one of them is served before that, nineteen times in twenty.
 */
const turnsPerSlot = 3;

/** How far back in the line a vault that is near is looked for. */
const maxLook = 100;

/** A vault that holds slots or waits for one. */
interface Line {
  readonly vault: string;
  /** Slots that it holds. */
  held: number;
  /** What starts the calls that wait, in the order they came. */
  readonly calls: Set<() => void>;
}

/** Makes a {@link FairShare}. */
export function createFairShare({ slots, waitMs, nearnessOf = () => "home" }: FairShareOptions): FairShare {
  // A quarter is left for others, as far as there is more than one.
  const mostOfOne = Math.max(1, slots - Math.max(1, Math.floor(slots / 4)));
  const lines = new Map<string, Line>();
  /** Those that wait, in the order of their turns. */
  const waiting = new Set<Line>();
  let free = slots;

  const mayTake = (line: Line) => free > 0 && line.held < mostOfOne;

  function lineOf(vault: string): Line {
    let line = lines.get(vault);
    if (!line) {
      line = { vault, held: 0, calls: new Set() };
      lines.set(vault, line);
    }
    return line;
  }

  function take(line: Line): void {
    free--;
    line.held++;
  }

  function give(line: Line): void {
    free++;
    line.held--;
    forgetUnused(line);
    serveNext();
  }

  function forgetUnused(line: Line): void {
    if (line.held === 0 && line.calls.size === 0) lines.delete(line.vault);
  }

  /** Turns in a row in which the first in the line was overtaken. */
  let overtaken = 0;

  function serveNext(): void {
    const line = whoseTurn();
    const [start] = line?.calls ?? [];
    if (!line || !start) return;
    leave(line, start);
    // To the end of the line: the next turn is another vault's.
    if (waiting.delete(line)) waiting.add(line);
    take(line);
    start();
  }

  /** The first in the line that may have a slot, or one after it that is nearer. */
  function whoseTurn(): Line | undefined {
    let first: Line | undefined;
    let known: Line | undefined;
    let looked = 0;
    for (const line of waiting) {
      if (!mayTake(line)) continue;
      first ??= line;
      if (overtaken + 1 >= slots * turnsPerSlot) return next(first, first);
      if (looked++ >= maxLook) break;
      const nearness = nearnessOf(line.vault);
      if (nearness === "home") return next(line, first);
      if (nearness === "known") known ??= line;
    }
    return next(known ?? first, first);
  }

  function next(line: Line | undefined, first: Line | undefined): Line | undefined {
    overtaken = line === first ? 0 : overtaken + 1;
    return line;
  }

  function leave(line: Line, start: () => void): void {
    line.calls.delete(start);
    if (line.calls.size === 0) waiting.delete(line);
  }

  async function acquire(line: Line, signal: AbortSignal): Promise<void> {
    if (mayTake(line) && line.calls.size === 0) return take(line);
    await new Promise<void>((done, fail) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        end();
      };
      const start = () => settle(done);
      const giveUp = (reason: unknown) => {
        leave(line, start);
        forgetUnused(line);
        settle(() => fail(reason));
      };
      const onAbort = () => giveUp(signal.reason);
      const timer = setTimeout(() => giveUp(errors.overloaded()), waitMs);
      signal.addEventListener("abort", onAbort, { once: true });
      line.calls.add(start);
      waiting.add(line);
    });
  }

  return {
    async run(vault, signal, work) {
      signal.throwIfAborted();
      const line = lineOf(vault);
      await acquire(line, signal);
      try {
        return await work();
      } finally {
        give(line);
      }
    },
  };
}

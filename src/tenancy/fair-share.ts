import { errors } from "../errors.ts";

/**
 * Shares a number of slots between tenants: those who wait are served in turn, a tenant at a time, and
 * no tenant holds them all. So a company that sends five hundred calls at once makes its own calls wait,
 * and not those of the others.
 */
export interface FairShare {
  /**
   * Runs `work` once a slot is free for the tenant.
   *
   * @throws WellvaultError OVERLOADED when none was for {@link FairShareOptions.waitMs}, or the signal's
   *   reason when it fired first; `work` has not begun then
   */
  run<T>(tenantId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** How to make a {@link FairShare}. */
export interface FairShareOptions {
  /** What can run at the same time. */
  readonly slots: number;
  /** How long a call may wait for a slot, in milliseconds. */
  readonly waitMs: number;
}

/** Makes a {@link FairShare}. */
export function createFairShare({ slots, waitMs }: FairShareOptions): FairShare {
  // A quarter is left for others, as far as there is more than one.
  const mostOfOne = Math.max(1, slots - Math.max(1, Math.floor(slots / 4)));
  const held = new Map<string, number>();
  /** The tenants that wait, in the order of their turns, each with its calls in the order they came. */
  const waiting = new Map<string, Set<() => void>>();
  let free = slots;

  const heldBy = (tenantId: string) => held.get(tenantId) ?? 0;
  const mayTake = (tenantId: string) => free > 0 && heldBy(tenantId) < mostOfOne;

  function take(tenantId: string): void {
    free--;
    held.set(tenantId, heldBy(tenantId) + 1);
  }

  function give(tenantId: string): void {
    free++;
    const left = heldBy(tenantId) - 1;
    if (left > 0) held.set(tenantId, left);
    else held.delete(tenantId);
    serveNext();
  }

  function serveNext(): void {
    for (const [tenantId, calls] of waiting) {
      const [start] = calls;
      if (!start || !mayTake(tenantId)) continue;
      leave(tenantId, start);
      // To the end of the line: the next turn is another tenant's.
      if (calls.size > 0) {
        waiting.delete(tenantId);
        waiting.set(tenantId, calls);
      }
      take(tenantId);
      start();
      return;
    }
  }

  function leave(tenantId: string, start: () => void): void {
    const calls = waiting.get(tenantId);
    calls?.delete(start);
    if (calls?.size === 0) waiting.delete(tenantId);
  }

  async function acquire(tenantId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (mayTake(tenantId) && !waiting.has(tenantId)) return take(tenantId);
    await new Promise<void>((done, fail) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        end();
      };
      const start = () => settle(done);
      const giveUp = (reason: unknown) => {
        leave(tenantId, start);
        settle(() => fail(reason));
      };
      const onAbort = () => giveUp(signal.reason);
      const timer = setTimeout(() => giveUp(errors.overloaded()), waitMs);
      signal.addEventListener("abort", onAbort, { once: true });
      const calls = waiting.get(tenantId) ?? new Set();
      waiting.set(tenantId, calls.add(start));
    });
  }

  return {
    async run(tenantId, signal, work) {
      await acquire(tenantId, signal);
      try {
        return await work();
      } finally {
        give(tenantId);
      }
    },
  };
}

import { errors } from "../errors.ts";

/** Passes items from one who makes them to one who takes them, and lets neither wait for ever. */
export interface PartQueue<T> extends AsyncIterable<T> {
  /**
   * Adds an item; resolves once there is room for the next.
   *
   * @throws WellvaultError READER_TOO_SLOW when nothing was taken for {@link PartQueueOptions.stallMs}, or the reason
   *   with which the queue was failed
   */
  push(item: T): Promise<void>;
  /** No more items come: those that wait are taken, and then the iteration ends. */
  end(): void;
  /** Drops what waits, and ends the iteration and every push with this error. Later calls change nothing. */
  fail(error: unknown): void;
}

/** How to make a {@link PartQueue}. */
export interface PartQueueOptions {
  /** Items that may wait. */
  readonly maxItems: number;
  /** For how long nothing may be taken while the queue is full, in milliseconds. */
  readonly stallMs: number;
}

/** Makes a queue for one who pushes, one item after the other, and one who iterates. */
export function createPartQueue<T>({ maxItems, stallMs }: PartQueueOptions): PartQueue<T> {
  let waiting: T[] = [];
  let state: "open" | "ended" | "failed" = "open";
  let failure: unknown;
  let changed = Promise.withResolvers<void>();
  const wake = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  function fail(error: unknown): void {
    if (state === "failed") return;
    state = "failed";
    failure = error;
    waiting = [];
    wake();
  }

  return {
    async push(item) {
      if (state === "failed") throw failure;
      waiting.push(item);
      wake();
      while (waiting.length >= maxItems && state === "open") {
        const stalled = setTimeout(() => fail(errors.readerTooSlow()), stallMs);
        await changed.promise;
        clearTimeout(stalled);
      }
      if ((state as string) === "failed") throw failure;
    },
    end() {
      if (state === "open") state = "ended";
      wake();
    },
    fail,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (state === "failed") throw failure;
        const item = waiting.shift();
        if (item !== undefined) {
          wake();
          yield item;
        } else if (state === "ended") return;
        else await changed.promise;
      }
    },
  };
}

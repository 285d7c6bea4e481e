/** Messages from this size on are decoded in turns, in bytes: some hundred samples, say. */
const largeBytes = 4_096;

/** Lets one large message be decoded in each turn of the event loop. */
export interface DecodeTurns {
  /**
   * Runs the decoding of a message when it may be: at once if it is small, else in its turn.
   *
   * @param owner whose message it is; owners take turns, so that nobody waits for all that somebody else has sent
   * @param signal fires when nobody waits for the message any more; then it leaves the line, and its bytes are let go
   * @throws what `decode` throws; the signal's reason
   */
  run<T>(owner: unknown, message: Uint8Array, signal: AbortSignal, decode: (message: Uint8Array) => T): T | Promise<T>;
}

/**
 * Makes the turns. Many large messages that arrive at once would be decoded one behind the other, with everybody else waiting. In its
 * turn a message is decoded and checked, and its handler begins.
 */
export function createDecodeTurns(): DecodeTurns {
  /** What waits, by owner. Who had a turn goes to the end. */
  const lines = new Map<unknown, Set<() => void>>();
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || lines.size === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      const [owner, line] = lines.entries().next().value ?? [];
      const [first] = line ?? [];
      if (!line || !first) return;
      leave(owner, first);
      if (lines.delete(owner)) lines.set(owner, line);
      schedule();
      first();
    });
  }

  function leave(owner: unknown, work: () => void): void {
    const line = lines.get(owner);
    line?.delete(work);
    if (line?.size === 0) lines.delete(owner);
  }

  return {
    run<T>(owner: unknown, message: Uint8Array, signal: AbortSignal, decode: (message: Uint8Array) => T) {
      if (message.byteLength < largeBytes) return decode(message);
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise<T>((resolve, reject) => {
        const onAbort = () => {
          leave(owner, work);
          reject(signal.reason);
        };
        const work = () => {
          signal.removeEventListener("abort", onAbort);
          try {
            resolve(decode(message));
          } catch (error) {
            reject(error);
          }
        };
        signal.addEventListener("abort", onAbort, { once: true });
        const line = lines.get(owner) ?? new Set();
        lines.set(owner, line.add(work));
        schedule();
      });
    },
  };
}

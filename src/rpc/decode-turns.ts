/** Messages from this size on are decoded in turns, in bytes: decoding and checking one takes a millisecond or more. */
const largeBytes = 16_384;

/** Lets one large message be decoded in each turn of the event loop. */
export interface DecodeTurns {
  /** Resolves when a message may be decoded; undefined: at once, for it is small. */
  next(bytes: number): Promise<void> | undefined;
}

/**
 * Makes the turns of a process. Many large messages that arrive at once would be decoded one behind the other, with everybody
 * else waiting, and their objects would be there all at the same time. Until its turn a message is the bytes that came.
 */
export function createDecodeTurns(): DecodeTurns {
  let last: Promise<void> = Promise.resolve();
  const turn = () => new Promise<void>((done) => void setImmediate(done));
  return {
    next(bytes) {
      if (bytes < largeBytes) return undefined;
      last = last.then(turn);
      return last;
    },
  };
}

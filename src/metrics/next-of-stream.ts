import { errors } from "../errors.ts";

/** What ends the wait for the next item of a stream. */
export interface StreamWait {
  /** The call's own signal. */
  readonly signal: AbortSignal;
  /** Fires when the server shuts down. */
  readonly draining: AbortSignal;
  /** For how long nothing may come, in milliseconds. */
  readonly idleMs: number;
}

/**
 * Waits for the next item of a caller's stream, or for what ends the stream; then what the caller still sends is not
 * taken.
 *
 * @throws WellvaultError STREAM_IDLE when nothing came in time; the reason of the signal that fired; what the stream throws
 */
export function nextOfStream<T>(
  items: AsyncIterator<T>,
  { signal, draining, idleMs }: StreamWait,
): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onEnd);
      draining.removeEventListener("abort", onEnd);
      end();
    };
    const onEnd = () => settle(() => reject(signal.aborted ? signal.reason : draining.reason));
    const timer = setTimeout(() => settle(() => reject(errors.streamIdle())), idleMs);
    if (signal.aborted || draining.aborted) {
      onEnd();
      return;
    }
    signal.addEventListener("abort", onEnd, { once: true });
    draining.addEventListener("abort", onEnd, { once: true });
    items.next().then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

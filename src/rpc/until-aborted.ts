import { abortReason } from "./connect-error.ts";

/**
 * Resolves as the promise does, or rejects as soon as the signal fires: a caller is answered at the
 * deadline even when the work does not stop by itself.
 *
 * @throws WellvaultError DEADLINE_EXCEEDED, CALL_CANCELLED or SERVER_DRAINING when the signal fires first
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal));
    const stop = () => signal.removeEventListener("abort", onAbort);
    // Whoever loses the race must not end the process by an unhandled rejection.
    promise.then(
      (value) => {
        stop();
        resolve(value);
      },
      (error: unknown) => {
        stop();
        reject(error);
      },
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

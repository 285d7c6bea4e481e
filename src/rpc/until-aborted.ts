import { abortReason } from "./connect-error.ts";

/**
 * Resolves as the promise does, or rejects as soon as the signal fires: a caller is answered at the
 * deadline even when the work does not stop by itself.
 *
 * @throws WellvaultError DEADLINE_EXCEEDED, CALL_CANCELLED or SERVER_DRAINING when the signal fires first
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Whoever loses the race must not end the process by an unhandled rejection.
  promise.catch(() => undefined);
  if (signal.aborted) throw abortReason(signal);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(abortReason(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

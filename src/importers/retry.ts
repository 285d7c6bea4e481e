import { Code, ConnectError } from "@connectrpc/connect";
import pRetry from "p-retry";
import { ErrorReason } from "../gen/wellvault/v1/error_reason_pb.ts";
import { reasonOf } from "./error-reason.ts";

/** How long to go on when a call fails in a way that passes. */
export interface RetryOptions {
  /** Seconds from the first failure after which the last one counts; 0 gives up at once. */
  readonly seconds: number;
  /** Told of the first failure of a call that is repeated. */
  readonly onRetry: (error: ConnectError) => void;
  /** Ends waiting when it fires; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** Codes of failures that pass, when the service gave them. */
const passing = new Set([Code.Unavailable, Code.ResourceExhausted, Code.Aborted, Code.DeadlineExceeded]);

/** Reasons that stay what they are, whatever their code. */
const lasting = new Set<ErrorReason>([
  ErrorReason.LIMIT_REACHED,
  ErrorReason.MESSAGE_TOO_LARGE,
  ErrorReason.ETAG_STALE,
]);

/** Codes of failures without a reason that do not come from a connection that broke. */
const deliberate = new Set([Code.InvalidArgument, Code.Unimplemented, Code.PermissionDenied, Code.Unauthenticated]);

/**
 * Whether a call that may be repeated should be. What the service says it says with a reason; an error without one
 * comes from the connection or from what is in between.
 */
export function passes(error: unknown): error is ConnectError {
  if (!(error instanceof ConnectError)) return false;
  const reason = reasonOf(error);
  if (reason === undefined) return !deliberate.has(error.code);
  return reason === ErrorReason.COMMIT_UNKNOWN || (passing.has(error.code) && !lasting.has(reason));
}

/**
 * Makes a call, and repeats it after growing pauses as long as it fails in a way that passes.
 *
 * @throws the last failure, or the signal's reason when it fires before the call is answered
 */
export async function withRetries<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { seconds, onRetry, signal } = options;
  if (seconds === 0) return await call();
  // Not from the call's beginning: one that waits for an answer until its deadline has to be repeated, too.
  let until: number | undefined;
  let answer: { readonly value: T } | undefined;
  const once = async () => {
    answer = { value: await call() };
  };
  try {
    await pRetry(once, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 5_000,
      factor: 2,
      randomize: true,
      signal,
      shouldRetry({ error }) {
        until ??= performance.now() + seconds * 1_000;
        return passes(error) && performance.now() < until;
      },
      onFailedAttempt({ error, attemptNumber }) {
        if (attemptNumber === 1 && passes(error)) onRetry(error);
      },
    });
  } catch (error) {
    // The signal fired during a call that was answered all the same, which must not be lost.
    if (!answer) throw error;
  }
  if (!answer) throw new Error("a call ended without an answer");
  return answer.value;
}

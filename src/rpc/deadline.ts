import { Code, ConnectError } from "@connectrpc/connect";

/** The deadlines of the service, in milliseconds. */
export interface DeadlineLimits {
  /** For calls that name none; undefined for none. */
  readonly defaultTimeoutMs: number | undefined;
  /** For calls that name a longer one. */
  readonly maxTimeoutMs: number;
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000001 };

/**
 * The deadlines of streams, which have none of their own. The longest is what the eight digits of
 * gRPC's header can say in milliseconds, some 28 hours; beyond 25 days Node's timers would fire at once.
 */
export const streamDeadlines: DeadlineLimits = { defaultTimeoutMs: undefined, maxTimeoutMs: 99_999_999 };

/**
 * Puts the deadline that applies into a request's headers, so that every protocol's own machinery
 * enforces it, and returns it in milliseconds. A header that cannot be read is left for the protocol
 * to refuse.
 */
export function applyDeadline(header: Headers, limits: DeadlineLimits): number | undefined {
  const isGrpc = /^application\/grpc/i.test(header.get("content-type") ?? "");
  const name = isGrpc ? "grpc-timeout" : "connect-timeout-ms";
  const text = header.get(name);
  const wanted = text === null ? limits.defaultTimeoutMs : isGrpc ? grpcTimeout(text) : connectTimeout(text);
  if (wanted === undefined) return limits.defaultTimeoutMs;
  const granted = Math.min(wanted, limits.maxTimeoutMs);
  if (text === null || granted !== wanted) {
    const whole = Math.max(0, Math.ceil(granted));
    header.set(name, isGrpc ? `${whole}m` : String(whole));
  }
  return granted;
}

/**
 * Checks the deadline that a call of gRPC names.
 *
 * @throws ConnectError INVALID_ARGUMENT when it cannot be read
 */
export function checkGrpcTimeout(text: string | null): void {
  if (text === null || grpcTimeout(text) !== undefined) return;
  throw new ConnectError(`protocol error: invalid grpc timeout value: ${text}`, Code.InvalidArgument);
}

/**
 * Passes a request body on until the deadline, then fails: a caller that never finishes sending must
 * not hold a stream for ever.
 *
 * @param endsAt the deadline by the clock of `performance.now()`
 */
export async function* bodyUntil(body: AsyncIterable<Uint8Array>, endsAt: number): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new ConnectError("the operation timed out", Code.DeadlineExceeded));
    timer = setTimeout(fail, Math.max(0, endsAt - performance.now()));
  });
  late.catch(() => undefined);
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const result = await Promise.race([iterator.next(), late]);
      if (result.done) return;
      yield result.value;
    }
  } finally {
    clearTimeout(timer);
  }
}

function grpcTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match ? Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0) : undefined;
}

function connectTimeout(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

import type { MessageInitShape } from "@bufbuild/protobuf";
import { errors, reasonOf, WellvaultError } from "../errors.ts";
import { ErrorReason } from "../gen/wellvault/v1/error_reason_pb.ts";
import type { StreamSamplesRequest, StreamSamplesResponseSchema } from "../gen/wellvault/v1/metric_service_pb.ts";
import type { SessionOptions, TenantSession } from "../tenancy/session.ts";
import { createStreamPlaces } from "../tenancy/stream-places.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import { type CheckedBatch, checkBatch, checkBatchNumber } from "./check-batch.ts";
import { nextOfStream } from "./next-of-stream.ts";
import { type BatchCounts, putBatch } from "./put-batch.ts";

/** What streams of samples may take. */
export interface SampleStreamLimits {
  /** Streams that may be open at the same time in the process. */
  readonly streams: number;
  /** For how long no batch may come on a stream, in milliseconds. */
  readonly idleMs: number;
  /** For how long a batch may take, in milliseconds. */
  readonly batchMs: number;
}

/** What the handler gets of the call. */
export interface SampleStreamCall {
  readonly signal: AbortSignal;
  /** Fires when the server shuts down. */
  readonly draining: AbortSignal;
  /** The tenant as it was found when the newest request was checked. */
  tenant(): TenantEntry;
  open(options: SessionOptions): TenantSession;
}

type Response = MessageInitShape<typeof StreamSamplesResponseSchema>;

/** Violations that are told of one batch. */
const maxViolations = 100;

/** The errors of a batch that its stream survives: what would be refused again, however often it is sent. */
const refusals: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.FIELD_INVALID,
  ErrorReason.RESOURCE_NOT_FOUND,
  ErrorReason.EMPLOYEE_OFFBOARDED,
  ErrorReason.LIMIT_REACHED,
]);

/** Makes the handler of MetricService.StreamSamples, whose calls share the limits. */
export function createSampleStreams({ streams, idleMs, batchMs }: SampleStreamLimits) {
  const places = createStreamPlaces(streams, "sample_streams");

  return async function* streamSamples(
    requests: AsyncIterable<StreamSamplesRequest>,
    call: SampleStreamCall,
  ): AsyncGenerator<Response> {
    const { signal, draining } = call;
    const leave = places.take(call.tenant().tenantId);
    // Whoever is gone may leave the iteration where it is.
    signal.addEventListener("abort", leave, { once: true });
    try {
      const items = requests[Symbol.asyncIterator]();
      let last = 0n;
      for (;;) {
        const { done, value: request } = await nextOfStream(items, { signal, draining, idleMs });
        if (done) return;
        checkBatchNumber(request, last);
        last = request.batchNumber;
        // Between two batches the stream holds nothing of the database.
        yield { batchNumber: last, outcome: await storeBatch(request, call, batchMs) };
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  };
}

/** Stores what is good of a batch, in a session of its own. What it returns is committed. */
async function storeBatch(
  request: StreamSamplesRequest,
  { signal, tenant, open }: SampleStreamCall,
  batchMs: number,
): Promise<NonNullable<Response["outcome"]>> {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(errors.deadlineExceeded()), batchMs);
  const onEnd = () => end.abort(signal.reason);
  signal.addEventListener("abort", onEnd, { once: true });
  try {
    const checked = checkBatch(request, new Date());
    const counts =
      checked.good.length === 0
        ? nothingStored
        : await putBatch(
            open({ tenant: tenant(), signal: end.signal, timeoutMs: batchMs }),
            request.employeeId,
            checked.good,
          );
    return { case: "stored", value: stored(counts, checked) };
  } catch (error) {
    // Why the call ends says more than that its statement was cancelled.
    signal.throwIfAborted();
    if (!(error instanceof WellvaultError && refusals.has(error.reason))) throw error;
    const { reason, message, context } = error;
    return { case: "refused", value: { reason, message, metadata: { ...context.metadata } } };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onEnd);
  }
}

const nothingStored: BatchCounts = { insertedCount: 0, replacedCount: 0, unchangedCount: 0, staleCount: 0 };

function stored(counts: BatchCounts, { refused, violations }: CheckedBatch) {
  return {
    ...counts,
    refusedCount: refused.length,
    refusedIndexes: [...refused],
    violations: violations.slice(0, maxViolations).map(({ index, field, description, rule = "" }) => ({
      index,
      field,
      description,
      reason: reasonOf(rule),
    })),
    violationCount: violations.length,
  };
}

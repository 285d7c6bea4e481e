import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb.ts";
import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";
import type { ImportProblem, SampleEvent } from "./import-event.ts";
import type { BatchCounts } from "./import-state.ts";
import { noCounts, type SampleCounts } from "./push-samples.ts";
import { badSamplesOf, findBadSamples } from "./sample-violations.ts";

/** What became of samples that were given to {@link SendSamples}. */
export type Sent =
  | { readonly type: "stored"; readonly counts: SampleCounts }
  /** Nothing was sent, for that is not wanted. */
  | { readonly type: "dry" }
  /** Nothing may be kept of the person; whoever sends has said why. */
  | { readonly type: "person refused" };

/** Stores samples of one person, all or none. */
export type SendSamples = (externalId: string, samples: readonly MetricSample[]) => Promise<Sent>;

/**
 * Sends a batch of one person's samples. What breaks a rule is reported at its place and left out: before the batch
 * is sent when it is known here, or when the service names it, and then the rest is sent again.
 *
 * @param onProblem told of each sample that is left out
 * @throws the failure of `send`, unless it is about samples of the batch
 */
export async function sendBatch(
  batch: readonly SampleEvent[],
  send: SendSamples,
  onProblem: (problem: ImportProblem) => void,
): Promise<BatchCounts> {
  const bad = findBadSamples(
    batch.map(({ sample }) => sample),
    new Date(),
  );
  let left = withoutBad(batch, bad, onProblem);
  while (left.length > 0) {
    try {
      const sent = await send(
        left[0]?.externalId ?? "",
        left.map(({ sample }) => sample),
      );
      if (sent.type === "person refused") break;
      const counts = sent.type === "stored" ? sent.counts : noCounts;
      return { ...counts, accepted: left.length, refused: batch.length - left.length };
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      const found = badSamplesOf(error.findDetails(BadRequestSchema).flatMap((one) => one.fieldViolations));
      const kept = withoutBad(left, found, onProblem);
      // An error that names none of the samples will not go away by sending fewer.
      if (kept.length === left.length) throw error;
      left = kept;
    }
  }
  return { ...noCounts, accepted: 0, refused: batch.length };
}

function withoutBad(
  batch: readonly SampleEvent[],
  bad: ReadonlyMap<number, Pick<ImportProblem, "field" | "problem">>,
  onProblem: (problem: ImportProblem) => void,
): readonly SampleEvent[] {
  if (bad.size === 0) return batch;
  return batch.filter(({ sample, place }, index) => {
    const found = bad.get(index);
    if (found) onProblem({ ...place, field: `${sample.kind}.${found.field}`, problem: found.problem });
    return !found;
  });
}

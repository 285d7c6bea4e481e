import { errors, type FieldViolation } from "../errors.ts";
import { MetricSampleSchema } from "../gen/wellvault/v1/metric_pb.ts";
import { type StreamSamplesRequest, StreamSamplesRequestSchema } from "../gen/wellvault/v1/metric_service_pb.ts";
import { findViolations } from "../validation.ts";
import { checkSample, type StorableSample } from "./sample-rules.ts";

/** Samples of a batch, as the rule of StreamSamplesRequest says. */
const maxSamples = 1_000;

/** A rule that a sample of a batch breaks. */
export interface SampleViolation extends FieldViolation {
  /** The sample's place in the batch. */
  readonly index: number;
}

/** A batch whose samples were checked one by one. */
export interface CheckedBatch {
  /** Those that keep every rule, ready to be stored. */
  readonly good: readonly StorableSample[];
  /** The places of the others, ascending. */
  readonly refused: readonly number[];
  /** What the others break. */
  readonly violations: readonly SampleViolation[];
}

/**
 * Checks the number of a batch of a stream.
 *
 * @param last the number of the batch before; 0 when there is none
 * @throws WellvaultError FIELD_INVALID when it is none, or not higher
 */
export function checkBatchNumber({ batchNumber }: StreamSamplesRequest, last: bigint): void {
  if (batchNumber > last) return;
  const description = "must be at least 1, and higher than that of the batch before in the stream";
  throw errors.fieldsInvalid([{ field: "batch_number", description, rule: "batch_number.ascending" }]);
}

/**
 * Checks a batch of a stream, each sample by the rules by which PutSamples checks all of them: first those of the
 * .proto file, and when it keeps these the others.
 *
 * @param now the server's clock
 * @throws WellvaultError FIELD_INVALID when the batch as a whole breaks a rule: its employee_id is no UUID, or it has
 *   no samples or too many
 */
export function checkBatch(request: StreamSamplesRequest, now: Date): CheckedBatch {
  const broken = findBatchViolations(request);
  if (broken.length > 0) throw errors.fieldsInvalid(broken);
  const good: StorableSample[] = [];
  const refused: number[] = [];
  const violations: SampleViolation[] = [];
  for (const [index, sample] of request.samples.entries()) {
    const own = findViolations(MetricSampleSchema, sample, `samples[${index}]`);
    const storable = own.length === 0 ? checkSample(sample, index, now, own) : undefined;
    if (storable) good.push(storable);
    else refused.push(index);
    for (const violation of own) violations.push({ ...violation, index });
  }
  return { good, refused, violations };
}

/** What a batch breaks apart from its samples, which may be many and are not looked at. */
function findBatchViolations(request: StreamSamplesRequest): FieldViolation[] {
  const { samples } = request;
  const violations = findViolations(StreamSamplesRequestSchema, { ...request, samples: [] }, "");
  if (samples.length === 0) return violations;
  const others = violations.filter(({ field }) => field !== "samples");
  if (samples.length <= maxSamples) return others;
  const description = `must contain no more than ${maxSamples} item(s)`;
  return [...others, { field: "samples", description, rule: "repeated.max_items" }];
}

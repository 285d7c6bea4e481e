import { create } from "@bufbuild/protobuf";
import { type FieldViolation, WellvaultError } from "../errors.ts";
import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";
import { PutSamplesRequestSchema } from "../gen/wellvault/v1/metric_service_pb.ts";
import { checkSamples } from "../metrics/sample-rules.ts";
import { findViolations } from "../validation.ts";

/** What is wrong with a sample: the field, and what it must be. */
export interface SampleProblem {
  readonly field: string;
  readonly problem: string;
}

/** Stands for an employee in a request that is checked and not sent. */
const somebody = "00000000-0000-4000-8000-000000000000";

/**
 * Checks samples by the very rules by which the service checks a batch, so that what it would refuse need not travel.
 *
 * @param now the clock that a start may not be too far ahead of
 * @returns what is wrong with samples, by their index
 */
export function findBadSamples(samples: readonly MetricSample[], now: Date): Map<number, SampleProblem> {
  const request = create(PutSamplesRequestSchema, { employeeId: somebody, samples: [...samples] });
  return badSamplesOf([...findViolations(PutSamplesRequestSchema, request, ""), ...violationsOf(samples, now)]);
}

function violationsOf(samples: readonly MetricSample[], now: Date): readonly FieldViolation[] {
  try {
    checkSamples(samples, now);
    return [];
  } catch (error) {
    if (error instanceof WellvaultError && error.context.violations) return error.context.violations;
    throw error;
  }
}

/** Sorts violations such as of `samples[3].value` by the index of the sample; the first of each counts. */
export function badSamplesOf(
  violations: Iterable<{ readonly field: string; readonly description: string }>,
): Map<number, SampleProblem> {
  const bad = new Map<number, SampleProblem>();
  for (const { field, description } of violations) {
    const [, index, name = ""] = /^samples\[(\d+)\]\.(\w+)/.exec(field) ?? [];
    if (index !== undefined && !bad.has(Number(index))) bad.set(Number(index), { field: name, problem: description });
  }
  return bad;
}

import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";

/** A sample as an importer reads it from a file, with the person it is of. */
export interface ImportedSample {
  /** The person's id in the system that the file comes from. */
  readonly externalId: string;
  /** The sample in the service's own kind and unit. */
  readonly sample: MetricSample;
}

/** A row of a file that cannot be read. */
export interface BadRow {
  /** Path of the file. */
  readonly file: string;
  /** Line of the row, counted from 1; the header line is 1. */
  readonly line: number;
  /** Name of the column that is wrong, where it is one. */
  readonly column?: string;
  /** What is wrong. Never holds the value that stands there: it is about somebody's health. */
  readonly problem: string;
}

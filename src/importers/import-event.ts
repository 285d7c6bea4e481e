import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";

/** Where something stands in what is imported. */
export interface Place {
  /** Path of the file. */
  readonly file: string;
  /** Line, counted from 1, in a file that is read by lines. */
  readonly line?: number;
  /** Path of the element, such as `entry[3].resource`, in a file that is one JSON document. */
  readonly path?: string;
}

/** Something that is not imported, and why. */
export interface ImportProblem extends Place {
  /** Name of the field, column or attribute that is wrong, where it is one. */
  readonly field?: string;
  /** What is wrong. Never holds the value that stands there: it is about somebody's health. */
  readonly problem: string;
}

/** A sample as a reader made it of what stands at a place. */
export interface SampleEvent {
  readonly type: "sample";
  /** The person's id in the system that the file comes from. */
  readonly externalId: string;
  /** The sample in the service's own kind and unit. */
  readonly sample: MetricSample;
  readonly place: Place;
}

/** A record that cannot be read. */
export interface RefusedEvent {
  readonly type: "refused";
  readonly problem: ImportProblem;
}

/** A record that is left out on purpose, for the service has no such metric. */
export interface PassedOverEvent {
  readonly type: "passed over";
  /** What it is, such as its type. Never holds a value. */
  readonly what: string;
}

/** Why the file is read no further. The last event of its file. */
export interface BrokenEvent {
  readonly type: "broken";
  readonly problem: ImportProblem;
}

/** One thing that a reader found. */
export type ImportEvent = SampleEvent | RefusedEvent | PassedOverEvent | BrokenEvent;

/** What a reader found in its next stretch of the input. */
export interface ReadStep {
  /** In the order of the input. Reading the same input again gives the same events in the same order. */
  readonly events: readonly ImportEvent[];
  /** Bytes of all files that are read by now. */
  readonly bytes: number;
}

/** Writes a place as people look it up. */
export function placeText({ file, line, path }: Place): string {
  return [file, ...(line === undefined ? [] : [line]), ...(path === undefined ? [] : [path])].join(":");
}

import type { MetricSample } from "../../gen/wellvault/v1/metric_pb.ts";
import { readFitabase } from "../../importers/fitabase.ts";
import type { BadRow } from "../../importers/imported-sample.ts";
import type { DemoOptions } from "./options.ts";

/** What a person's samples must be after the import: their contents by natural key. */
export type ExpectedSamples = ReadonlyMap<string, ExpectedSample>;

/** What must be stored under a natural key. */
export interface ExpectedSample {
  readonly kind: string;
  /** Everything else that a sample says, as text that can be compared. */
  readonly content: string;
}

/** What the files hold. */
export interface Expectation {
  /** Samples by person, ordered by external id. */
  readonly people: ReadonlyMap<string, ExpectedSamples>;
  /** Samples read by person, those that stand twice counted twice. */
  readonly read: ReadonlyMap<string, number>;
  /** Rows that cannot be read. */
  readonly badRows: readonly BadRow[];
}

/** Reads the files once to know what the service must return in the end. */
export async function readExpectation(options: DemoOptions): Promise<Expectation> {
  const people = new Map<string, Map<string, ExpectedSample>>();
  const read = new Map<string, number>();
  const badRows: BadRow[] = [];
  const { folder, utcOffsetMinutes } = options;
  for await (const { externalId, sample } of readFitabase(folder, {
    utcOffsetMinutes,
    onBadRow: (row) => badRows.push(row),
  })) {
    const samples = people.get(externalId) ?? new Map<string, ExpectedSample>();
    people.set(externalId, samples);
    read.set(externalId, (read.get(externalId) ?? 0) + 1);
    const key = naturalKey(sample);
    // Among equal versions the first counts.
    if (!samples.has(key)) samples.set(key, { kind: sample.kind, content: contentOf(sample, civilDateOf(sample)) });
  }
  return { people: new Map([...people].sort(([a], [b]) => (a < b ? -1 : 1))), read, badRows };
}

/** What tells a person's samples apart. */
export function naturalKey(sample: MetricSample): string {
  return `${sample.kind} ${sample.startTime?.seconds}.${sample.startTime?.nanos} ${sample.source} ${sample.daily}`;
}

/** What a sample says under its key, with its civil day, as text that can be compared. */
export function contentOf(sample: MetricSample, civilDate: string): string {
  const { value, endTime, utcOffsetMinutes, version, recordingMethod } = sample;
  return `${value} ${endTime?.seconds} ${utcOffsetMinutes} ${version} ${recordingMethod} ${civilDate}`;
}

/** The civil day that the files mean: that of the start by the local clock. */
function civilDateOf({ startTime, utcOffsetMinutes = 0 }: MetricSample): string {
  return new Date((Number(startTime?.seconds) + utcOffsetMinutes * 60) * 1_000).toISOString().slice(0, 10);
}

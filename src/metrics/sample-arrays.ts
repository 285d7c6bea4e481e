import { toEpoch } from "../civil-time.ts";
import { wakingKinds } from "./kinds.ts";
import type { StorableSample } from "./sample-rules.ts";
import type { SampleArrays } from "./statements/put-samples.ts";

/** A slug, and whether it is the stream of its daily values. */
export interface SourceKey {
  readonly source: string;
  readonly daily: boolean;
}

/** Turns samples, in the order of their keys, into the values of the statements. */
export function toSampleArrays(employeeId: string, samples: readonly StorableSample[]): SampleArrays {
  const { keys, places } = listSources(samples);
  const numbers = (column: (sample: StorableSample, index: number) => number | bigint) =>
    `{${samples.map(column).join()}}`;
  return [
    employeeId,
    keys.map((key) => key.source),
    keys.map((key) => key.daily),
    numbers((sample) => sample.kind.number),
    numbers((sample) => toEpoch(sample.start)),
    numbers((_, index) => places[index] ?? 0),
    numbers((sample) => sample.version),
    numbers((sample) => sample.value),
    numbers((sample) => sample.endSeconds),
    numbers((sample) => sample.utcOffsetMinutes),
    numbers((sample) => sample.recordingMethod),
    wakingKinds,
  ];
}

/** The different sources of samples, and for each sample the place of its own among them, from 1. */
export function listSources(samples: readonly SourceKey[]): { keys: readonly SourceKey[]; places: readonly number[] } {
  const keys: SourceKey[] = [];
  const daily = new Map<string, number>();
  const intraday = new Map<string, number>();
  const places = samples.map((sample) => {
    const known = sample.daily ? daily : intraday;
    const place = known.get(sample.source) ?? keys.push(sample);
    known.set(sample.source, place);
    return place;
  });
  return { keys, places };
}

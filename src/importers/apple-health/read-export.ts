import { createReadStream } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { MetricSampleSchema, RecordingMethod } from "../../gen/wellvault/v1/metric_pb.ts";
import type { ImportEvent, ReadStep, SampleEvent } from "../import-event.ts";
import { RecordProblem } from "../record-problem.ts";
import { dayStart, readAppleTime } from "./apple-time.ts";
import { ExportParser, ExportProblem } from "./export-parser.ts";
import { type HealthRecord, readRecord } from "./read-record.ts";
import { maxPieces, type SleepDay, SleepDays } from "./sleep-days.ts";

/** Days of sleep in a step: they come all at once, at the end. */
const daysInStep = 1_000;

/**
 * Streams what stands in an `export.xml` of Apple Health, one person's. Sleep comes at its end, gathered into days.
 * Memory does not grow with the file: of each record nothing is kept, but of sleep where each stretch of it begins and ends, up to
 * a number that no person's export reaches.
 *
 * @param path the file, for the places of what is in it
 * @param externalId whose export it is
 * @param chunks the file's bytes; default they are read from `path`
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readAppleHealth(
  path: string,
  externalId: string,
  chunks: AsyncIterable<Buffer> = createReadStream(path),
): AsyncGenerator<ReadStep, void, undefined> {
  let events: ImportEvent[] = [];
  let bytes = 0;
  let exported: number | undefined;
  const sleep = new SleepDays();
  const onRecord = (record: HealthRecord) => {
    const { line } = record;
    try {
      const meaning = readRecord(record);
      if (meaning.type === "sample") {
        events.push({ type: "sample", externalId, sample: meaning.sample, place: { file: path, line } });
      } else if (meaning.type === "passed over") events.push(meaning);
      else if (!sleep.add(meaning.piece)) {
        throw new ExportProblem(line, `must not hold more than ${maxPieces} stretches of sleep`);
      }
    } catch (error) {
      if (!(error instanceof RecordProblem)) throw error;
      const { field, message } = error;
      events.push({ type: "refused", problem: { file: path, line, field, problem: message } });
    }
  };
  const parser = new ExportParser({
    onRecord,
    onOther: (name) => events.push({ type: "passed over", what: /^\w{1,100}$/.test(name) ? name : "other elements" }),
    onExportDate(text) {
      exported = readAppleTime(text)?.seconds;
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunks) {
      parser.write(decoder.decode(chunk, { stream: true }));
      bytes += chunk.length;
      yield { events, bytes };
      events = [];
    }
    parser.write(decoder.decode());
    parser.close();
  } catch (error) {
    if (!(error instanceof ExportProblem)) throw error;
    // Of a night that is cut it is not known how long it was, and which nights are whole, neither.
    const problem = `${error.message}; the file is read no further, and no sleep of it is imported`;
    yield { events: [...events, { type: "broken", problem: { file: path, line: error.line, problem } }], bytes };
    return;
  }
  yield { events, bytes };
  const days = sleep.days();
  for (let at = 0; at < days.length; at += daysInStep) {
    const samples = days.slice(at, at + daysInStep).flatMap((day) => sleepSamples(day, externalId, path, exported));
    yield { events: samples, bytes };
  }
}

/** The samples of a day. What is derived from an export is as new as the export, whatever its records say. */
function sleepSamples(day: SleepDay, externalId: string, file: string, exported = 1): SampleEvent[] {
  const { source, asleep, inBed, line } = day;
  const start = dayStart(day.day);
  const values = [
    ["sleep_duration", asleep],
    ["time_in_bed", inBed],
  ] as const;
  return values.flatMap(([kind, value]) => {
    if (value === undefined) return [];
    const sample = create(MetricSampleSchema, {
      kind,
      startTime: { seconds: BigInt(start.seconds), nanos: 0 },
      utcOffsetMinutes: start.offset,
      value,
      source,
      daily: true,
      version: BigInt(exported),
      recordingMethod: RecordingMethod.DERIVED,
    });
    return [{ type: "sample", externalId, sample, place: { file, line } }];
  });
}

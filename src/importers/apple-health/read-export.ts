import { createReadStream } from "node:fs";
import type { ImportEvent, ReadStep, SampleEvent } from "../import-event.ts";
import { RecordProblem } from "../record-problem.ts";
import { readAppleTime } from "./apple-time.ts";
import { ExportParser, ExportProblem } from "./export-parser.ts";
import { FoodSums, maxFoods } from "./food-sums.ts";
import { gatheredSamples } from "./gathered-samples.ts";
import { type HealthRecord, readRecord } from "./read-record.ts";
import { maxPieces, SleepDays } from "./sleep-days.ts";

/** Samples in a step of those that come all at once, at the end. */
const samplesInStep = 1_000;

/**
 * Streams what stands in an `export.xml` of Apple Health, one person's. What was eaten and drunk comes at its end, added up
 * by the second, and then sleep, gathered into days. Memory does not grow with the file: of other records nothing is
 * kept, and of these no more than a number that no person's export reaches.
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
  const food = new FoodSums();
  const onRecord = (record: HealthRecord) => {
    const { line } = record;
    try {
      const meaning = readRecord(record);
      if (meaning.type === "sample") {
        events.push({ type: "sample", externalId, sample: meaning.sample, place: { file: path, line } });
      } else if (meaning.type === "passed over") events.push(meaning);
      else if (meaning.type === "food" && !food.add(meaning.food)) {
        throw new ExportProblem(line, `must not hold more than ${maxFoods} records of food and drink`);
      } else if (meaning.type === "sleep" && !sleep.add(meaning.piece)) {
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
    // Of a night that is cut it is not known how long it was, and which nights are whole, neither. So it is with meals.
    const problem = `${error.message}; the file is read no further, and no sleep, food or drink of it is imported`;
    yield { events: [...events, { type: "broken", problem: { file: path, line: error.line, problem } }], bytes };
    return;
  }
  yield { events, bytes };
  const place = { externalId, file: path, exported: exported ?? 1 };
  let step: SampleEvent[] = [];
  for (const sample of gatheredSamples(food, sleep, place)) {
    step.push(sample);
    if (step.length < samplesInStep) continue;
    yield { events: step, bytes };
    step = [];
  }
  if (step.length > 0) yield { events: step, bytes };
}

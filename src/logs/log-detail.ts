import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import {
  ActivitySchema,
  CheckInSchema,
  HydrationSchema,
  JournalSchema,
  type LogEntry,
  LogEntryType,
  MindfulnessSchema,
  MoodSchema,
  NutritionSchema,
  SleepSchema,
  SymptomSchema,
} from "../gen/wellvault/v1/log_entry_pb.ts";
import { createDetailReader } from "./read-detail.ts";

/** The detail of an entry: one member of the oneof, as generated. */
export type LogDetail = Exclude<LogEntry["detail"], { case: undefined }>;

const types = {
  mood: [LogEntryType.MOOD, MoodSchema],
  sleep: [LogEntryType.SLEEP, SleepSchema],
  activity: [LogEntryType.ACTIVITY, ActivitySchema],
  nutrition: [LogEntryType.NUTRITION, NutritionSchema],
  hydration: [LogEntryType.HYDRATION, HydrationSchema],
  mindfulness: [LogEntryType.MINDFULNESS, MindfulnessSchema],
  checkIn: [LogEntryType.CHECK_IN, CheckInSchema],
  symptom: [LogEntryType.SYMPTOM, SymptomSchema],
  journal: [LogEntryType.JOURNAL, JournalSchema],
} as const satisfies Record<LogDetail["case"], readonly [LogEntryType, DescMessage]>;

const readers = new Map<number, { readonly name: string; readonly read: (json: JsonValue) => object }>(
  Object.entries(types).map(([name, [type, schema]]) => [
    type,
    { name, read: createDetailReader<DescMessage>(schema) },
  ]),
);

/** Turns a detail into the columns `type` and `detail`. */
export function storeDetail(detail: LogDetail): { type: LogEntryType; detail: string } {
  const [type, schema] = types[detail.case];
  const message =
    detail.case === "checkIn" ? { ...detail.value, score: who5Score(detail.value.answers) } : detail.value;
  return { type, detail: JSON.stringify(toJson(schema, message as MessageShape<typeof schema>)) };
}

/** Turns the columns `type` and `detail` back into a detail. */
export function loadDetail(type: number, detail: JsonValue): LogDetail {
  const reader = readers.get(type);
  if (!reader) throw new Error(`a log entry has the unknown type ${type}`);
  return { case: reader.name, value: reader.read(detail) } as LogDetail;
}

/** The score of a WHO-5 questionnaire: the sum of its answers times four (WHO-5 manual, 1998). */
export function who5Score(answers: readonly number[]): number {
  return answers.reduce((sum, answer) => sum + answer, 0) * 4;
}

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LogEntry, LogEntrySchema } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { badUuids } from "../support/bad-values.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

type EntryInit = Exclude<MessageInitShape<typeof LogEntrySchema>, LogEntry>;
type Case = [name: string, request: object, field: string];

let service: TestService;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
  employeeId = await service.hire("acme");
});
afterAll(() => service.close());

const time = (seconds: bigint, nanos = 0): Timestamp => create(TimestampSchema, { seconds, nanos });
const int64Max = 9_223_372_036_854_775_807n;
const start = Date.UTC(2026, 1, 3, 12);
const at = (millis: number) => timestampFromDate(new Date(millis));
const hour = 3_600_000;
const longName = "n".repeat(201);

const entry: EntryInit = {
  entryId: "e1",
  startTime: at(start),
  utcOffsetMinutes: 0,
  source: "manual",
  version: 1n,
  detail: { case: "journal", value: {} },
};
const details: [name: string, detail: NonNullable<EntryInit["detail"]>, field: string][] = [
  ["a mood below -3", { case: "mood", value: { valence: -3.1 } }, "mood.valence"],
  ["a mood above 3", { case: "mood", value: { valence: 3.1 } }, "mood.valence"],
  ["a mood of NaN", { case: "mood", value: { valence: Number.NaN } }, "mood.valence"],
  ["21 labels", { case: "mood", value: { labels: Array.from({ length: 21 }, () => "calm") } }, "mood.labels"],
  ["an empty label", { case: "mood", value: { labels: ["calm", ""] } }, "mood.labels[1]"],
  ["a long label", { case: "mood", value: { labels: ["l".repeat(51)] } }, "mood.labels[0]"],
  ["U+0000 in a label", { case: "mood", value: { labels: ["a\0"] } }, "mood.labels[0]"],
  ["a sleep of quality 0", { case: "sleep", value: { quality: 0 } }, "sleep.quality"],
  ["a sleep of quality 6", { case: "sleep", value: { quality: 6 } }, "sleep.quality"],
  ["a sleep of -1 minutes", { case: "sleep", value: { asleepMinutes: -1 } }, "sleep.asleep_minutes"],
  ["a sleep of 2,881 minutes", { case: "sleep", value: { asleepMinutes: 2_881 } }, "sleep.asleep_minutes"],
  ["an activity without a name", { case: "activity", value: {} }, "activity.activity_name"],
  ["U+0000 in an activity", { case: "activity", value: { activityName: "\0" } }, "activity.activity_name"],
  [
    "a negative distance",
    { case: "activity", value: { activityName: "run", distanceMeters: -1 } },
    "activity.distance_meters",
  ],
  [
    "an infinite energy",
    { case: "activity", value: { activityName: "run", energyKcal: Infinity } },
    "activity.energy_kcal",
  ],
  ["an exertion of 11", { case: "activity", value: { activityName: "run", exertion: 11 } }, "activity.exertion"],
  ["a long meal", { case: "nutrition", value: { mealName: longName } }, "nutrition.meal_name"],
  ["a meal of 20,001 kcal", { case: "nutrition", value: { energyKcal: 20_001 } }, "nutrition.energy_kcal"],
  ["a drink of nothing", { case: "hydration", value: {} }, "hydration.volume_ml"],
  ["a drink of 10,001 ml", { case: "hydration", value: { volumeMl: 10_001 } }, "hydration.volume_ml"],
  ["a session of nothing", { case: "mindfulness", value: {} }, "mindfulness.duration_minutes"],
  [
    "a session of a day and more",
    { case: "mindfulness", value: { durationMinutes: 1_441 } },
    "mindfulness.duration_minutes",
  ],
  ["WHO-5 with four answers", { case: "checkIn", value: { answers: [1, 2, 3, 4] } }, "check_in.answers"],
  ["WHO-5 with six answers", { case: "checkIn", value: { answers: [0, 1, 2, 3, 4, 5] } }, "check_in.answers"],
  ["WHO-5 with an answer of 6", { case: "checkIn", value: { answers: [0, 1, 6, 3, 4] } }, "check_in.answers[2]"],
  ["WHO-5 with an answer of -1", { case: "checkIn", value: { answers: [-1, 1, 2, 3, 4] } }, "check_in.answers[0]"],
  ["a symptom without a name", { case: "symptom", value: {} }, "symptom.symptom_name"],
  ["a severity of 0", { case: "symptom", value: { symptomName: "x", severity: 0 } }, "symptom.severity"],
  ["a long title", { case: "journal", value: { title: longName } }, "journal.title"],
];

test.each<Case>([
  ...badUuids.map((id): Case => [`employee ${JSON.stringify(id)}`, { employeeId: id, entry }, "employee_id"]),
  ["no entry", {}, "entry"],
  ["no detail", { entry: { ...entry, detail: { case: undefined } } }, "entry.detail"],
  ...["", "a b", "é", "x".repeat(65), "a\0", "a/b", "a\n"].map(
    (entryId): Case => [`id ${JSON.stringify(entryId)}`, { entry: { ...entry, entryId } }, "entry.entry_id"],
  ),
  ["no start", { entry: { ...entry, startTime: undefined } }, "entry.start_time"],
  ["a start before 1970", { entry: { ...entry, startTime: at(-1) } }, "entry.start_time"],
  ["a start far ahead", { entry: { ...entry, startTime: at(Date.now() + 25 * hour) } }, "entry.start_time"],
  ["a start after all years", { entry: { ...entry, startTime: time(int64Max) } }, "entry.start_time"],
  ["a start that is no time", { entry: { ...entry, startTime: time(5n, -1) } }, "entry.start_time"],
  ["an end at the start", { entry: { ...entry, endTime: at(start) } }, "entry.end_time"],
  ["an end before all years", { entry: { ...entry, endTime: time(-int64Max) } }, "entry.end_time"],
  ["49 hours", { entry: { ...entry, endTime: at(start + 49 * hour) } }, "entry.end_time"],
  ["a sleep without end", { entry: { ...entry, detail: { case: "sleep", value: {} } } }, "entry.end_time"],
  ["no offset", { entry: { ...entry, utcOffsetMinutes: undefined } }, "entry.utc_offset_minutes"],
  ["a wide offset", { entry: { ...entry, utcOffsetMinutes: 841 } }, "entry.utc_offset_minutes"],
  ["no source", { entry: { ...entry, source: "" } }, "entry.source"],
  ["version 0", { entry: { ...entry, version: 0n } }, "entry.version"],
  ["version -1", { entry: { ...entry, version: -1n } }, "entry.version"],
  ["the smallest version", { entry: { ...entry, version: -int64Max - 1n } }, "entry.version"],
  ["a note of 4,001 letters", { entry: { ...entry, note: "n".repeat(4_001) } }, "entry.note"],
  ["a note of 4,001 emoji", { entry: { ...entry, note: "🌙".repeat(4_001) } }, "entry.note"],
  ["U+0000 in the note", { entry: { ...entry, note: "\0" } }, "entry.note"],
  ...details.map(
    ([name, detail, field]): Case => [
      name,
      { entry: { ...entry, endTime: at(start + hour), detail } },
      `entry.${field}`,
    ],
  ),
])("PutLogEntry with %s", async (_, request, field) => {
  const call = service.clients.logs.putLogEntry({ employeeId, ...request }, as("employee", "acme", employeeId));
  const { fields, ...failure } = await failureOf(call);
  expect(failure).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID" });
  expect([...new Set(fields)]).toEqual([field]);
});

test("nothing of what was refused is stored", async () => {
  const person = as("employee", "acme", employeeId);
  expect((await service.clients.logs.listLogEntries({ employeeId }, person)).entries).toEqual([]);
  expect(service.logLines).toEqual([]);
});

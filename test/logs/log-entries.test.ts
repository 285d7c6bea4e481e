import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fromMicros, toMicros } from "../../src/civil-time.ts";
import { ListLogEntriesResponseSchema } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { type LogEntry, type LogEntrySchema, LogEntryType } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { logEntry, monday } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const { INSERTED, REPLACED, UNCHANGED, STALE } = WriteOutcome;

let service: TestService;
let tenant: string;
let employeeId: string;
let own: ReturnType<typeof as>;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
beforeEach(async () => {
  employeeId = await service.hire(tenant);
  own = as("employee", tenant, employeeId);
});
afterAll(() => service.close());

const put = (entry: LogEntry) => service.clients.logs.putLogEntry({ employeeId, entry }, own);
const get = (entryId: string) => service.clients.logs.getLogEntry({ employeeId, entryId }, own);
const remove = (entryId: string) => service.clients.logs.deleteLogEntry({ employeeId, entryId }, own);

type Detail = NonNullable<MessageInitShape<typeof LogEntrySchema>["detail"]>;
type Filter = Parameters<TestService["clients"]["logs"]["listLogEntries"]>[0];

/** Reads every page. */
async function pages(filter: Filter = {}): Promise<LogEntry[][]> {
  const found: LogEntry[][] = [];
  let pageToken = "";
  do {
    const page = await service.clients.logs.listLogEntries({ ...filter, employeeId, pageToken }, own);
    found.push(page.entries);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

describe("versions", () => {
  test("a higher one replaces, an equal one changes nothing, a lower one is ignored", async () => {
    const steps: [version: bigint, note: string, outcome: WriteOutcome, stored: string][] = [
      [5n, "five", INSERTED, "five"],
      [5n, "five again", UNCHANGED, "five"],
      [4n, "four", STALE, "five"],
      [9n, "nine", REPLACED, "nine"],
      [5n, "five", STALE, "nine"],
      [9_223_372_036_854_775_807n, "highest", REPLACED, "highest"],
    ];
    for (const [version, note, outcome, stored] of steps) {
      const response = await put(logEntry({ version, note }));
      expect([response.outcome, response.entry?.note]).toEqual([outcome, stored]);
      expect((await get("entry-1")).entry).toEqual(response.entry);
    }
  });

  test("replace type, time and detail as a whole", async () => {
    await put(logEntry({ note: "mood", detail: { case: "mood", value: { valence: 2, labels: ["calm"] } } }));
    const { entry } = await put(
      logEntry({
        version: 2n,
        startTime: fromMicros(monday + 1n),
        detail: { case: "hydration", value: { volumeMl: 250 } },
      }),
    );
    expect(entry).toMatchObject({ note: "", detail: { case: "hydration", value: { volumeMl: 250 } } });
    expect((await pages({ types: [LogEntryType.MOOD] })).flat()).toEqual([]);
    expect((await pages({ types: [LogEntryType.HYDRATION] })).flat()).toEqual([entry]);
  });

  test("sent at once leave the highest, in whatever order they come", async () => {
    const versions = Array.from({ length: 20 }, (_, n) => BigInt(n + 1));
    const outcomes = await Promise.all(
      versions.toSorted(() => Math.random() - 0.5).map((version) => put(logEntry({ version, note: `v${version}` }))),
    );
    expect(outcomes.filter(({ outcome }) => outcome === INSERTED)).toHaveLength(1);
    expect((await get("entry-1")).entry).toMatchObject({ version: 20n, note: "v20" });
  });
});

describe("a deleted entry", () => {
  test("is gone, and a late repetition of its write does not bring it back", async () => {
    await put(logEntry({ version: 3n, note: "private" }));
    await remove("entry-1");
    for (const call of [() => get("entry-1"), () => remove("entry-1")]) {
      expect(await failureOf(call())).toMatchObject({ code: "NotFound", resource: { name: "entry-1" } });
    }
    expect((await pages()).flat()).toEqual([]);
    for (const version of [1n, 3n]) {
      const { outcome, entry } = await put(logEntry({ version }));
      expect([outcome, entry]).toEqual([STALE, undefined]);
    }
    expect((await pages()).flat()).toEqual([]);
  });

  test("comes back by a higher version", async () => {
    await put(logEntry({ version: 3n, note: "old" }));
    await remove("entry-1");
    expect(await put(logEntry({ version: 4n, note: "new" }))).toMatchObject({ outcome: REPLACED });
    expect((await pages()).flat()).toMatchObject([{ note: "new", version: 4n }]);
    await remove("entry-1");
  });

  test("keeps nothing of what it said", async () => {
    await put(logEntry({ note: "private", detail: { case: "symptom", value: { symptomName: "headache" } } }));
    await remove("entry-1");
    const { rows: vaults } = await service.database.admin.query<{ vault: string }>(
      "select vault::text from control.companies where tenant_id = $1",
      [tenant],
    );
    const { rows } = await service.database.admin.query<{ row: string }>(
      `select e::text as row from ${vaults[0]?.vault}.log_entries as e where delete_time is not null`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { row } of rows) expect(row).not.toMatch(/private|headache/);
  });

  test("of one employee leaves the entry of the same id of another", async () => {
    await put(logEntry({ note: "mine" }));
    const other = await service.hire(tenant);
    const theirs = as("employee", tenant, other);
    await service.clients.logs.putLogEntry({ employeeId: other, entry: logEntry({ note: "theirs" }) }, theirs);
    await remove("entry-1");
    const { entry } = await service.clients.logs.getLogEntry({ employeeId: other, entryId: "entry-1" }, theirs);
    expect(entry?.note).toBe("theirs");
  });
});

describe("what is stored", () => {
  const details: Detail[] = [
    { case: "mood", value: { valence: -0.5, labels: ["tense", "🙂"] } },
    { case: "sleep", value: { quality: 1, asleepMinutes: 0 } },
    { case: "sleep", value: {} },
    { case: "activity", value: { activityName: "running", distanceMeters: 0.1, energyKcal: 0, exertion: 10 } },
    { case: "nutrition", value: { mealName: "", energyKcal: 20_000 } },
    { case: "hydration", value: { volumeMl: 5e-324 } },
    { case: "mindfulness", value: { durationMinutes: 1_440 } },
    { case: "symptom", value: { symptomName: "'\"\\\n\u2028", severity: 1 } },
    { case: "journal", value: { title: "\u202Etitle" } },
  ];

  test.each(details.map((detail) => ({ name: detail.case, detail })))(
    "comes back as it was sent: $name",
    async ({ detail }) => {
      const sent = logEntry({
        entryId: "A-z0.9_:",
        startTime: fromMicros(monday + 1n),
        endTime: fromMicros(monday + 3_600_000_001n),
        utcOffsetMinutes: -840,
        note: "  to the letter\r\n\t\u0001 é é 🧘🏽‍♀️ ",
        detail,
      });
      await put(sent);
      const { entry } = await get("A-z0.9_:");
      expect(entry).toMatchObject({ ...sent, civilDate: "2026-01-04" });
      expect(entry?.createTime).toEqual(entry?.updateTime);
    },
  );

  test.each([
    [[0, 0, 0, 0, 0], 0],
    [[5, 4, 3, 2, 1], 60],
    [[5, 5, 5, 5, 5], 100],
  ])("the WHO-5 score of %j is made by the service, whatever the caller says", async (answers, score) => {
    const detail = { case: "checkIn", value: { answers, score: 99 } } as const;
    const { entry } = await put(logEntry({ detail }));
    expect(entry?.detail).toMatchObject({ case: "checkIn", value: { answers, score } });
    expect((await get("entry-1")).entry).toEqual(entry);
  });

  test("sleep belongs to the day of waking, and needs its end", async () => {
    const detail = { case: "sleep", value: {} } as const;
    const startTime = fromMicros(monday + 14n * 3_600_000_000n);
    const endTime = fromMicros(monday + 23n * 3_600_000_000n);
    expect((await put(logEntry({ startTime, endTime, detail }))).entry?.civilDate).toBe("2026-01-06");
    const failure = await failureOf(put(logEntry({ startTime, detail, version: 2n })));
    expect(failure).toMatchObject({ code: "InvalidArgument", fields: ["entry.end_time"] });
  });
});

describe("pages", () => {
  const written = fc.uniqueArray(
    fc.record({
      entryId: fc.stringMatching(/^[A-Za-z0-9._:-]{1,6}$/),
      // Few instants that differ by a microsecond, so that many entries share one.
      tick: fc.integer({ min: 0, max: 2 }),
      hydration: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40, selector: ({ entryId }) => entryId },
  );

  test("of any size return each entry exactly once, newest first, for any filter", async () => {
    const filter = fc.record({
      pageSize: fc.integer({ min: 1, max: 7 }),
      types: fc.subarray([LogEntryType.MOOD, LogEntryType.HYDRATION]),
      from: fc.integer({ min: 0, max: 2 }),
      length: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(written, filter, async (entries, { pageSize, types, from, length }) => {
        employeeId = await service.hire(tenant);
        own = as("employee", tenant, employeeId);
        for (const { entryId, tick, hydration } of entries) {
          const detail: Detail = hydration
            ? { case: "hydration", value: { volumeMl: 1 } }
            : { case: "mood", value: {} };
          await put(logEntry({ entryId, startTime: fromMicros(monday + BigInt(tick)), detail }));
        }
        const startTime = fromMicros(monday + BigInt(from));
        const endTime = fromMicros(monday + BigInt(from + length));
        const found = (await pages({ pageSize, types, startTime, endTime })).flat();
        const wanted = entries.filter(
          ({ tick, hydration }) =>
            tick >= from &&
            tick < from + length &&
            (types.length === 0 || types.includes(hydration ? LogEntryType.HYDRATION : LogEntryType.MOOD)),
        );
        expect(found.map((entry) => entry.entryId).toSorted()).toEqual(wanted.map(({ entryId }) => entryId).toSorted());
        const times = found.map((entry) => (entry.startTime ? toMicros(entry.startTime) : 0n));
        expect(times).toEqual(times.toSorted((a, b) => Number(b - a)));
      }),
      { numRuns: 12 },
    );
  });

  test("with long notes hold fewer entries, stay far below the message limit, and lose none", async () => {
    const note = "😀".repeat(4_000);
    const ids = Array.from({ length: 300 }, (_, n) => `long-${String(n).padStart(3, "0")}`);
    for (let n = 0; n < ids.length; n += 20) {
      await Promise.all(ids.slice(n, n + 20).map((entryId) => put(logEntry({ entryId, note }))));
    }
    const found = await pages({ pageSize: 1_000 });
    expect(found.length).toBeGreaterThan(1);
    for (const entries of found) {
      expect(entries.length).toBeGreaterThan(0);
      const bytes = toBinary(
        ListLogEntriesResponseSchema,
        create(ListLogEntriesResponseSchema, { entries }),
      ).byteLength;
      expect(bytes).toBeLessThan(3 * 1_024 * 1_024);
    }
    expect(found.flat().map((entry) => entry.entryId)).toEqual(ids.toReversed());
  });

  test("a token of another filter is refused", async () => {
    for (const n of [1, 2]) await put(logEntry({ entryId: `e-${n}` }));
    const { nextPageToken } = await service.clients.logs.listLogEntries({ employeeId, pageSize: 1 }, own);
    for (const other of [
      { types: [LogEntryType.MOOD] },
      { startTime: fromMicros(1n) },
      { endTime: fromMicros(monday) },
    ]) {
      const call = service.clients.logs.listLogEntries({ employeeId, pageToken: nextPageToken, ...other }, own);
      expect((await failureOf(call)).reason).toBe("PAGE_TOKEN_INVALID");
    }
    // The control: with the same filter, and with another page size, it is taken.
    const { entries } = await service.clients.logs.listLogEntries(
      { employeeId, pageSize: 9, pageToken: nextPageToken },
      own,
    );
    expect(entries).toHaveLength(1);
  });
});

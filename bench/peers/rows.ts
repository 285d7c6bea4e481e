import type { Entry, ListEntriesResponse, Time } from "./messages.ts";

/** Number of LogEntryType.MOOD, the one type that this benchmark stores. */
export const moodType = 1;
/** Number of the kind `heart_rate`. */
export const heartRate = 11;

/** An entry as the peers' statements return it; times are microseconds. */
export interface EntryRow {
  readonly entry_id: string;
  readonly start_micros: string;
  readonly end_micros: string | null;
  readonly utc_offset_minutes: number;
  readonly source: string;
  readonly version: string;
  readonly note: string;
  readonly detail: object;
  readonly create_micros: string;
  readonly update_micros: string;
}

/** The entry that a row is. */
export function toEntry(row: EntryRow): Entry {
  const startMicros = Number(row.start_micros);
  return {
    entryId: row.entry_id,
    startTime: toTime(startMicros),
    ...(row.end_micros === null ? {} : { endTime: toTime(Number(row.end_micros)) }),
    utcOffsetMinutes: row.utc_offset_minutes,
    source: row.source,
    version: Number(row.version),
    note: row.note,
    mood: row.detail,
    civilDate: new Date(startMicros / 1_000 + row.utc_offset_minutes * 60_000).toISOString().slice(0, 10),
    createTime: toTime(Number(row.create_micros)),
    updateTime: toTime(Number(row.update_micros)),
  };
}

/** A page out of one row more than it may have, and the token that says where the next one begins. */
export function toPage(rows: readonly EntryRow[], size: number): ListEntriesResponse {
  const page = rows.slice(0, size);
  const last = page.at(-1);
  const token = last && rows.length > size ? JSON.stringify([last.start_micros, last.entry_id]) : "";
  return { entries: page.map(toEntry), nextPageToken: Buffer.from(token).toString("base64url") };
}

/** Where a page begins: the key of the last entry of the page before. */
export function readPageToken(token: string): [micros: string | null, entryId: string | null] {
  if (token === "") return [null, null];
  return JSON.parse(Buffer.from(token, "base64url").toString()) as [string, string];
}

/** Text of a time that PostgreSQL reads. */
export function toText(time: Time | null | undefined): string | null {
  if (!time) return null;
  const { seconds, nanos = 0 } = time;
  const ms = (typeof seconds === "number" ? seconds : seconds.toNumber()) * 1_000 + nanos / 1e6;
  return new Date(ms).toISOString();
}

function toTime(micros: number): Time {
  const seconds = Math.floor(micros / 1e6);
  return { seconds, nanos: (micros - seconds * 1e6) * 1_000 };
}

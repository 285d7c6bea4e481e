import type { JsonValue } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { civilDate, type EpochSeconds, fromEpoch } from "../civil-time.ts";
import { type LogEntry, LogEntryType } from "../gen/wellvault/v1/log_entry_pb.ts";
import { loadDetail } from "./log-detail.ts";

/** What an entry's message is made of. */
export interface LogEntryParts {
  readonly entryId: string;
  readonly type: number;
  readonly start: EpochSeconds;
  readonly end: EpochSeconds | null;
  readonly utcOffsetMinutes: number;
  readonly source: string;
  readonly version: bigint;
  readonly note: string;
  /** The column `detail`. */
  readonly detail: JsonValue;
  readonly create: EpochSeconds;
  readonly update: EpochSeconds;
}

/** A stored entry as the API shows it. A plain object is what `create` makes of this message, in a third of its time. */
export function toLogEntry(parts: LogEntryParts): LogEntry {
  const { type, end, utcOffsetMinutes } = parts;
  const startTime = fromEpoch(parts.start);
  const endTime = end === null ? undefined : fromEpoch(end);
  const entry: LogEntry = {
    $typeName: "wellvault.v1.LogEntry",
    entryId: parts.entryId,
    startTime,
    utcOffsetMinutes,
    source: parts.source,
    version: parts.version,
    note: parts.note,
    detail: loadDetail(type, parts.detail),
    civilDate: civilDate(civilTime(type, startTime, endTime), utcOffsetMinutes),
    createTime: fromEpoch(parts.create),
    updateTime: fromEpoch(parts.update),
  };
  if (endTime) entry.endTime = endTime;
  return entry;
}

/** An entry that a call brings, in the form it is stored. */
export interface NewLogEntry extends Omit<LogEntryParts, "detail" | "create" | "update"> {
  /** The column `detail` as text. */
  readonly detail: string;
}

/** An entry that was just stored, as {@link toLogEntry} would make it of its row, whose times are all that it gets from the database. */
export function storedLogEntry(stored: NewLogEntry, create: EpochSeconds, update: EpochSeconds): LogEntry {
  // PostgreSQL keeps no halves of surrogate pairs.
  const note = stored.note.toWellFormed();
  return toLogEntry({ ...stored, note, detail: JSON.parse(stored.detail) as JsonValue, create, update });
}

/** Sleep belongs to the day of waking, everything else to the day of its start. */
function civilTime(type: number, start: Timestamp, end: Timestamp | undefined): Timestamp {
  return type === LogEntryType.SLEEP && end ? end : start;
}

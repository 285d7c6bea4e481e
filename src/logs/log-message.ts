import type { JsonValue } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { civilDate, fromEpoch } from "../civil-time.ts";
import { type LogEntry, LogEntryType } from "../gen/wellvault/v1/log_entry_pb.ts";
import { loadDetail } from "./log-detail.ts";
import type { LogRow } from "./statements/log-columns.ts";

/** A stored entry as the API shows it. */
export function toLogEntry(row: LogRow): LogEntry {
  return assemble(row, BigInt(row.version), row.detail);
}

/** The columns of an entry that a call brings, before it is stored. */
export type NewLogRow = Omit<LogRow, "detail" | "detail_length" | "create_epoch" | "update_epoch"> & {
  /** The column `detail` as text. */
  readonly detail: string;
};

/** What is in the way of an entry, or its own times: all that its row gets from the database. */
type StoredTimes = Pick<LogRow, "create_epoch" | "update_epoch">;

/** An entry that was just stored, as {@link toLogEntry} would make it of its row. */
export function storedLogEntry(row: NewLogRow, times: StoredTimes, version: bigint): LogEntry {
  // PostgreSQL keeps no halves of surrogate pairs.
  const note = row.note.toWellFormed();
  return assemble({ ...row, ...times, note }, version, JSON.parse(row.detail) as JsonValue);
}

/** A plain object is what `create` makes of this message, in a third of its time. */
function assemble(
  row: Omit<LogRow, "detail" | "detail_length" | "version">,
  version: bigint,
  detail: JsonValue,
): LogEntry {
  const startTime = fromEpoch(row.start_epoch);
  const endTime = row.end_epoch === null ? undefined : fromEpoch(row.end_epoch);
  const entry: LogEntry = {
    $typeName: "wellvault.v1.LogEntry",
    entryId: row.entry_id,
    startTime,
    utcOffsetMinutes: row.utc_offset_minutes,
    source: row.source,
    version,
    note: row.note,
    detail: loadDetail(row.type, detail),
    civilDate: civilDate(civilTime(row.type, startTime, endTime), row.utc_offset_minutes),
    createTime: fromEpoch(row.create_epoch),
    updateTime: fromEpoch(row.update_epoch),
  };
  if (endTime) entry.endTime = endTime;
  return entry;
}

/** Sleep belongs to the day of waking, everything else to the day of its start. */
function civilTime(type: number, start: Timestamp, end: Timestamp | undefined): Timestamp {
  return type === LogEntryType.SLEEP && end ? end : start;
}

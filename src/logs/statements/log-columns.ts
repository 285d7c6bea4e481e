import type { JsonValue } from "@bufbuild/protobuf";
import {
  booleanAt,
  type ColumnTexts,
  numberAt,
  numberOrNullAt,
  type RowReader,
  textAt,
} from "../../database/row-reader.ts";
import { fragment } from "../../database/statement.ts";
import type { LogEntry } from "../../gen/wellvault/v1/log_entry_pb.ts";
import { toLogEntry } from "../log-message.ts";

/**
 * The columns of a log entry in the form the service reads; the table's alias is `entry`. With its first argument
 * typed, `date_part` is found at once among its namesakes: four of them cost a page a tenth of its time otherwise.
 */
export const logColumns = fragment`
    entry.entry_id,
    entry.type,
    date_part('epoch'::text, entry.start_time) as start_epoch,
    date_part('epoch'::text, entry.end_time) as end_epoch,
    entry.utc_offset_minutes,
    entry.source,
    entry.version,
    entry.note,
    entry.detail,
    date_part('epoch'::text, entry.create_time) as create_epoch,
    date_part('epoch'::text, entry.update_time) as update_epoch`;

/** A row of {@link logColumns}: the message that it becomes, and what of it the message does not say. */
export interface LogRow {
  readonly entry: LogEntry;
  /** Characters of the detail as the database writes it. */
  readonly detailLength: number;
}

const columns = [
  "entry_id",
  "type",
  "start_epoch",
  "end_epoch",
  "utc_offset_minutes",
  "source",
  "version",
  "note",
  "detail",
  "create_epoch",
  "update_epoch",
] as const;

/** A row of an entry that was deleted, of which its key and version are left. */
export interface Tombstone {
  readonly deleted: true;
  readonly version: bigint;
}

function read(texts: ColumnTexts): LogRow {
  const detail = textAt(texts, 8);
  const entry = toLogEntry({
    entryId: textAt(texts, 0),
    type: numberAt(texts, 1),
    start: numberAt(texts, 2),
    end: numberOrNullAt(texts, 3),
    utcOffsetMinutes: numberAt(texts, 4),
    source: textAt(texts, 5),
    version: BigInt(textAt(texts, 6)),
    note: textAt(texts, 7),
    detail: JSON.parse(detail) as JsonValue,
    create: numberAt(texts, 9),
    update: numberAt(texts, 10),
  });
  return { entry, detailLength: detail.length };
}

/** Reads rows of {@link logColumns}. */
export const logRows: RowReader<LogRow> = { columns, read };

/** Reads rows of {@link logColumns} and a column `deleted` after them. */
export const logRowsOrTombstones: RowReader<(LogRow & { readonly deleted: false }) | Tombstone> = {
  columns: [...columns, "deleted"],
  read: (texts) =>
    booleanAt(texts, columns.length)
      ? { deleted: true, version: BigInt(textAt(texts, 6)) }
      : { deleted: false, ...read(texts) },
};

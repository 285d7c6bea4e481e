import { create } from "@bufbuild/protobuf";
import { fromEpoch, toEpoch, toMicros, toTimestamptz } from "../civil-time.ts";
import { checkEmployeeExists, checkMayBeWritten } from "../employees/find-employee.ts";
import { errors } from "../errors.ts";
import type { EmployeeLogService } from "../gen/wellvault/v1/employee_log_service_pb.ts";
import { type LogEntry, LogEntrySchema } from "../gen/wellvault/v1/log_entry_pb.ts";
import { WriteOutcome } from "../gen/wellvault/v1/write_outcome_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import type { TenantHandlers } from "../tenancy/handlers.ts";
import { checkRange, checkTimes } from "../time-rules.ts";
import { type LogDetail, storeDetail } from "./log-detail.ts";
import { type NewLogRow, storedLogEntry, toLogEntry } from "./log-message.ts";
import { countFitting } from "./page-bytes.ts";
import { deleteLogEntry } from "./statements/delete-log-entry.ts";
import { getLogEntry } from "./statements/get-log-entry.ts";
import { listLogEntries } from "./statements/list-log-entries.ts";
import { listNewestLogEntries } from "./statements/list-newest-log-entries.ts";
import { putLogEntry } from "./statements/put-log-entry.ts";

/** An entry's interval is at most a long sleep. */
const maxEntrySeconds = 48 * 3_600;

/** How often an entry is offered that is neither stored nor found to be there. */
const attempts = 3;

/** What an entry weighs while it waits: its texts, in rows of some hundred bytes. */
function weightOf({ note, detail }: NewLogRow): number {
  return 1 + Math.floor((note.length + detail.length) / 128);
}

/** The handlers of EmployeeLogService. */
export const logHandlers: TenantHandlers<typeof EmployeeLogService> = {
  async putLogEntry({ employeeId, entry = create(LogEntrySchema) }, session) {
    checkEntry(entry);
    const row = toRow(entry);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const [written] = await session.write(
        putLogEntry,
        [
          employeeId,
          row.entry_id,
          row.type,
          row.start_epoch,
          row.end_epoch,
          row.utc_offset_minutes,
          row.source,
          row.version,
          row.note,
          row.detail,
        ],
        `${employeeId.toLowerCase()} ${row.entry_id}`,
        weightOf(row),
      );
      if (written) {
        const outcome = written.inserted ? WriteOutcome.INSERTED : WriteOutcome.REPLACED;
        return { outcome, entry: storedLogEntry(row, written, entry.version) };
      }
      const [found] = await session.query(getLogEntry, [employeeId, row.entry_id]);
      const stored = found && BigInt(found.version) >= entry.version ? found : undefined;
      if (stored?.deleted) return { outcome: WriteOutcome.STALE };
      if (stored) {
        const outcome = stored.version === row.version ? WriteOutcome.UNCHANGED : WriteOutcome.STALE;
        return { outcome, entry: toLogEntry(stored) };
      }
      // Somebody who was hired or came back between the two statements has the entry stored by the next attempt.
      await checkMayBeWritten(session, employeeId);
    }
    throw errors.conflict();
  },

  async getLogEntry({ employeeId, entryId }, session) {
    const [row] = await session.query(getLogEntry, [employeeId, entryId]);
    if (!row) await checkEmployeeExists(session, employeeId);
    if (!row || row.deleted) throw entryNotFound(entryId);
    return { entry: toLogEntry(row) };
  },

  async listLogEntries(request, session) {
    const { violations, from, to } = checkRange(request.startTime, request.endTime);
    if (violations.length > 0) throw errors.fieldsInvalid(violations);
    const types = request.types.toSorted((a, b) => a - b);
    const scope: PageScope = {
      method: "EmployeeLogService.ListLogEntries",
      tenantId: session.tenantId,
      args: [request.employeeId.toLowerCase(), types, from ?? null, to ?? null],
    };
    const key = decodePageToken(scope, request.pageToken, ["time", "string"]);
    const size = pageSize(request.pageSize);
    const isFiltered = types.length > 0 || from !== undefined || to !== undefined || key !== undefined;
    const rows = isFiltered
      ? await session.query(listLogEntries, [
          request.employeeId,
          types,
          from === undefined ? "-infinity" : toTimestamptz(from),
          to === undefined ? "infinity" : toTimestamptz(to),
          key ? String(key[0]) : "infinity",
          key ? String(key[1]) : "",
          size + 1,
        ])
      : await session.query(listNewestLogEntries, [request.employeeId, size + 1]);
    if (rows.length === 0) await checkEmployeeExists(session, request.employeeId);
    const page = rows.slice(0, size);
    const all = page.map(toLogEntry);
    const entries = all.slice(0, countFitting(all, page));
    const last = rows[entries.length - 1];
    return {
      entries,
      nextPageToken:
        last && entries.length < rows.length
          ? encodePageToken(scope, [toTimestamptz(toMicros(fromEpoch(last.start_epoch))), last.entry_id])
          : "",
    };
  },

  async deleteLogEntry({ employeeId, entryId }, session) {
    const [row] = await session.query(deleteLogEntry, [employeeId, entryId]);
    if (row) return {};
    await checkEmployeeExists(session, employeeId);
    throw entryNotFound(entryId);
  },
};

function checkEntry(entry: LogEntry): void {
  const violations = checkTimes("entry.", entry.startTime, entry.endTime, maxEntrySeconds, new Date());
  if (entry.detail.case === "sleep" && !entry.endTime) {
    violations.push({
      field: "entry.end_time",
      description: "is required for sleep, whose civil day is the day of waking",
      rule: "end_time.required",
    });
  }
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
}

function toRow(entry: LogEntry): NewLogRow {
  const { startTime, endTime } = entry;
  return {
    entry_id: entry.entryId,
    ...storeDetail(entry.detail as LogDetail),
    start_epoch: startTime ? toEpoch(toMicros(startTime)) : 0,
    end_epoch: endTime ? toEpoch(toMicros(endTime)) : null,
    utc_offset_minutes: entry.utcOffsetMinutes ?? 0,
    source: entry.source,
    version: String(entry.version),
    note: entry.note,
  };
}

function entryNotFound(entryId: string) {
  return errors.notFound({ type: "wellvault.v1.LogEntry", name: entryId });
}

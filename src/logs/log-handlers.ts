import { create, toJsonString } from "@bufbuild/protobuf";
import { civilDate, fromMicros, toMicros, toTimestamptz } from "../civil-time.ts";
import { requireEmployeeNo } from "../employees/find-employee.ts";
import { errors } from "../errors.ts";
import type { EmployeeLogService } from "../gen/wellvault/v1/employee_log_service_pb.ts";
import { type LogEntry, LogEntrySchema, LogEntryType } from "../gen/wellvault/v1/log_entry_pb.ts";
import { WriteOutcome } from "../gen/wellvault/v1/write_outcome_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import type { TenantHandlers } from "../tenancy/handlers.ts";
import { checkRange, checkTimes } from "../time-rules.ts";
import { type LogDetail, loadDetail, storeDetail } from "./log-detail.ts";
import { deleteLogEntry } from "./statements/delete-log-entry.ts";
import { getLogEntry } from "./statements/get-log-entry.ts";
import { listLogEntries } from "./statements/list-log-entries.ts";
import type { LogRow } from "./statements/log-columns.ts";
import { putLogEntry } from "./statements/put-log-entry.ts";

/** An entry's interval is at most a long sleep. */
const maxEntrySeconds = 48 * 3_600;
/** A page stops before it grows past this, to stay well below the message limit. */
const maxPageBytes = 2 * 1_024 * 1_024;

/** The handlers of EmployeeLogService. */
export const logHandlers: TenantHandlers<typeof EmployeeLogService> = {
  async putLogEntry(request, session) {
    const entry = request.entry ?? create(LogEntrySchema);
    checkEntry(entry);
    const { type, detail } = storeDetail(entry.detail as LogDetail);
    return await session.transaction(async (transaction) => {
      const employeeNo = await requireEmployeeNo(transaction, request.employeeId);
      const [written] = await transaction.query(putLogEntry, [
        employeeNo,
        entry.entryId,
        type,
        timestamptz(entry.startTime) ?? "",
        timestamptz(entry.endTime) ?? null,
        entry.utcOffsetMinutes ?? 0,
        entry.source,
        String(entry.version),
        entry.note,
        detail,
      ]);
      const [stored] = await transaction.query(getLogEntry, [employeeNo, entry.entryId]);
      if (!stored) throw new Error("an entry vanished after it was written");
      const outcome = written
        ? written.inserted
          ? WriteOutcome.INSERTED
          : WriteOutcome.REPLACED
        : stored.version === String(entry.version) && !stored.deleted
          ? WriteOutcome.UNCHANGED
          : WriteOutcome.STALE;
      return stored.deleted ? { outcome } : { outcome, entry: toLogEntry(stored) };
    });
  },

  async getLogEntry(request, session) {
    const row = await session.transaction(async (transaction) => {
      const employeeNo = await requireEmployeeNo(transaction, request.employeeId);
      const [found] = await transaction.query(getLogEntry, [employeeNo, request.entryId]);
      return found;
    });
    if (!row || row.deleted) throw entryNotFound(request.entryId);
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
    const rows = await session.transaction(async (transaction) =>
      transaction.query(listLogEntries, [
        await requireEmployeeNo(transaction, request.employeeId),
        types,
        from === undefined ? null : toTimestamptz(from),
        to === undefined ? null : toTimestamptz(to),
        key ? String(key[0]) : null,
        key ? String(key[1]) : null,
        size + 1,
      ]),
    );
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (const row of rows.slice(0, size)) {
      const entry = toLogEntry(row);
      // In JSON, where a character may take more than in Protobuf.
      bytes += Buffer.byteLength(toJsonString(LogEntrySchema, entry));
      if (entries.length > 0 && bytes > maxPageBytes) break;
      entries.push(entry);
    }
    const last = rows[entries.length - 1];
    return {
      entries,
      nextPageToken:
        last && entries.length < rows.length
          ? encodePageToken(scope, [toTimestamptz(BigInt(last.start_micros)), last.entry_id])
          : "",
    };
  },

  async deleteLogEntry(request, session) {
    const [row] = await session.transaction(async (transaction) =>
      transaction.query(deleteLogEntry, [await requireEmployeeNo(transaction, request.employeeId), request.entryId]),
    );
    if (!row) throw entryNotFound(request.entryId);
    return {};
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

function toLogEntry(row: LogRow): LogEntry {
  const start = BigInt(row.start_micros);
  const end = row.end_micros === null ? undefined : BigInt(row.end_micros);
  return create(LogEntrySchema, {
    entryId: row.entry_id,
    startTime: fromMicros(start),
    ...(end === undefined ? {} : { endTime: fromMicros(end) }),
    utcOffsetMinutes: row.utc_offset_minutes,
    source: row.source,
    version: BigInt(row.version),
    note: row.note,
    detail: loadDetail(row.type, row.detail),
    civilDate: civilDate(row.type === LogEntryType.SLEEP ? (end ?? start) : start, row.utc_offset_minutes),
    createTime: fromMicros(row.create_micros),
    updateTime: fromMicros(row.update_micros),
  });
}

function timestamptz(time: LogEntry["startTime"]): string | undefined {
  return time && toTimestamptz(toMicros(time));
}

function entryNotFound(entryId: string) {
  return errors.notFound({ type: "wellvault.v1.LogEntry", name: entryId });
}

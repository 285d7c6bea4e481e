import { create } from "@bufbuild/protobuf";
import { toEpoch, toMicros, toTimestamptz } from "../civil-time.ts";
import { checkEmployeeExists, checkMayBeWritten } from "../employees/find-employee.ts";
import { errors } from "../errors.ts";
import type { EmployeeLogService } from "../gen/wellvault/v1/employee_log_service_pb.ts";
import { type LogEntry, LogEntrySchema } from "../gen/wellvault/v1/log_entry_pb.ts";
import { WriteOutcome } from "../gen/wellvault/v1/write_outcome_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import type { TenantHandlers } from "../tenancy/handlers.ts";
import { checkRange, checkTimes } from "../time-rules.ts";
import { type LogDetail, storeDetail } from "./log-detail.ts";
import { type NewLogEntry, storedLogEntry } from "./log-message.ts";
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
function weightOf({ note, detail }: NewLogEntry): number {
  return 1 + Math.floor((note.length + detail.length) / 128);
}

/** The handlers of EmployeeLogService. */
export const logHandlers: TenantHandlers<typeof EmployeeLogService> = {
  async putLogEntry({ employeeId, entry = create(LogEntrySchema) }, session) {
    checkEntry(entry);
    const offered = toNewEntry(entry);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const [written] = await session.write(
        putLogEntry,
        [
          employeeId,
          offered.entryId,
          offered.type,
          offered.start,
          offered.end,
          offered.utcOffsetMinutes,
          offered.source,
          String(offered.version),
          offered.note,
          offered.detail,
        ],
        `${employeeId.toLowerCase()} ${offered.entryId}`,
        weightOf(offered),
      );
      if (written) {
        const outcome = written.inserted ? WriteOutcome.INSERTED : WriteOutcome.REPLACED;
        return { outcome, entry: storedLogEntry(offered, written.create_epoch, written.update_epoch) };
      }
      const [found] = await session.query(getLogEntry, [employeeId, offered.entryId]);
      if (found?.deleted && found.version >= offered.version) return { outcome: WriteOutcome.STALE };
      if (found && !found.deleted && found.entry.version >= offered.version) {
        const outcome = found.entry.version === offered.version ? WriteOutcome.UNCHANGED : WriteOutcome.STALE;
        return { outcome, entry: found.entry };
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
    return { entry: row.entry };
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
    const entries = rows.slice(0, countFitting(rows.slice(0, size))).map(({ entry }) => entry);
    const last = entries.length < rows.length ? entries.at(-1) : undefined;
    return { entries, nextPageToken: last ? encodePageToken(scope, keyOf(last)) : "" };
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

function toNewEntry(entry: LogEntry): NewLogEntry {
  const { entryId, source, version, note, startTime, endTime } = entry;
  return {
    entryId,
    ...storeDetail(entry.detail as LogDetail),
    start: startTime ? toEpoch(toMicros(startTime)) : 0,
    end: endTime ? toEpoch(toMicros(endTime)) : null,
    utcOffsetMinutes: entry.utcOffsetMinutes ?? 0,
    source,
    version,
    note,
  };
}

/** Where an entry that was read stands in the list of its employee's. */
function keyOf({ startTime, entryId }: LogEntry): [time: string, entryId: string] {
  if (!startTime) throw new Error("a stored entry has no time");
  return [toTimestamptz(toMicros(startTime)), entryId];
}

function entryNotFound(entryId: string) {
  return errors.notFound({ type: "wellvault.v1.LogEntry", name: entryId });
}

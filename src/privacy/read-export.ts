import { create, type DescMessage, type MessageInitShape, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { type EpochSeconds, fromEpoch, toMicros, toTimestamptz } from "../civil-time.ts";
import { employeeNotFound } from "../employees/find-employee.ts";
import { getEmployee } from "../employees/statements/get-employee.ts";
import {
  DeletedLogEntrySchema,
  DeletedSampleSchema,
  type ExportManifestSchema,
  type ExportPartSchema,
  ExportRecordType,
  SampleDaySchema,
} from "../gen/wellvault/v1/employee_export_pb.ts";
import { EmployeeSchema } from "../gen/wellvault/v1/employee_pb.ts";
import { LogEntrySchema } from "../gen/wellvault/v1/log_entry_pb.ts";
import { MetricSampleSchema } from "../gen/wellvault/v1/metric_pb.ts";
import type { TenantSession } from "../tenancy/session.ts";
import { createPartWriter } from "./part-writer.ts";
import { toDeletedSample, toSampleDay } from "./sample-records.ts";
import { exportDeletedLogEntries } from "./statements/export-deleted-log-entries.ts";
import { exportDeletedSamples } from "./statements/export-deleted-samples.ts";
import { exportKeptDays } from "./statements/export-kept-days.ts";
import { exportLogEntries } from "./statements/export-log-entries.ts";
import { exportSamples } from "./statements/export-samples.ts";

/** The form of exports that this version writes. */
export const exportFormatVersion = 1;

/**
 * Records that are read at a time: with the longest notes a page of entries is 3 MiB, and samples in their JSON form
 * keep the event loop for some ten milliseconds.
 */
const entriesAtOnce = 200;
const samplesAtOnce = 1_000;

/**
 * Reads everything that a vault holds of an employee, as of one instant, and hands it on in parts.
 *
 * @param push takes a part; what it throws ends the reading
 * @returns the manifest
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee
 */
export async function readExport(
  session: TenantSession,
  employeeId: string,
  schemaVersion: number,
  push: (part: MessageInitShape<typeof ExportPartSchema>) => Promise<void>,
): Promise<MessageInitShape<typeof ExportManifestSchema>> {
  return await session.snapshot(async ({ query }, time) => {
    const [found] = await query(getEmployee, [employeeId]);
    if (!found) throw employeeNotFound(employeeId);
    const writer = createPartWriter(push);
    await writer.add(ExportRecordType.EMPLOYEE, [toJsonString(EmployeeSchema, found.employee)]);

    for await (const rows of pages(entriesAtOnce, (after?: { entry: { entryId: string } }) =>
      query(exportLogEntries, [employeeId, after?.entry.entryId ?? "", entriesAtOnce]),
    )) {
      const entries = rows.map(({ entry }) => entry);
      await writer.add(ExportRecordType.LOG_ENTRY, jsonOf(LogEntrySchema, entries));
    }

    for await (const rows of pages(samplesAtOnce, (after?: { entry_id: string }) =>
      query(exportDeletedLogEntries, [employeeId, after?.entry_id ?? "", samplesAtOnce]),
    )) {
      const deleted = rows.map(({ entry_id, version, delete_epoch }) =>
        create(DeletedLogEntrySchema, {
          entryId: entry_id,
          version: BigInt(version),
          deleteTime: fromEpoch(delete_epoch),
        }),
      );
      await writer.add(ExportRecordType.DELETED_LOG_ENTRY, jsonOf(DeletedLogEntrySchema, deleted));
    }

    for await (const rows of pages(samplesAtOnce, (after?: SamplePlace) =>
      query(exportSamples, [employeeId, ...keyAfter(after), samplesAtOnce]),
    )) {
      const samples = rows.map(({ sample }) => sample);
      await writer.add(ExportRecordType.SAMPLE, jsonOf(MetricSampleSchema, samples));
    }

    for await (const rows of pages(samplesAtOnce, (after?: SamplePlace) =>
      query(exportDeletedSamples, [employeeId, ...keyAfter(after), samplesAtOnce]),
    )) {
      await writer.add(ExportRecordType.DELETED_SAMPLE, jsonOf(DeletedSampleSchema, rows.map(toDeletedSample)));
    }

    for await (const rows of pages(samplesAtOnce, (after?: { kind: number; day: number; source_no: number }) =>
      query(exportKeptDays, [employeeId, after?.kind ?? 0, after?.day ?? 0, after?.source_no ?? 0, samplesAtOnce]),
    )) {
      await writer.add(ExportRecordType.SAMPLE_DAY, jsonOf(SampleDaySchema, rows.map(toSampleDay)));
    }

    const { tenantId } = session;
    const sums = await writer.finish();
    const snapshotTime = fromEpoch(time);
    return { formatVersion: exportFormatVersion, tenantId, employeeId, snapshotTime, schemaVersion, ...sums };
  });
}

/** Where a sample stands among those of its employee. */
interface SamplePlace {
  readonly kind: number;
  readonly start_epoch: EpochSeconds;
  readonly source_no: number;
}

/** The key after which samples go on. */
function keyAfter(after?: SamplePlace): [kind: number, sourceNo: number, time: string] {
  if (!after) return [0, 0, "-infinity"];
  return [after.kind, after.source_no, toTimestamptz(toMicros(fromEpoch(after.start_epoch)))];
}

/** Reads pages, each after the last row of the one before, until one is not full. */
async function* pages<Key, Row extends Key>(
  size: number,
  read: (after?: Key) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  let last: Row | undefined;
  do {
    const rows = await read(last);
    if (rows.length > 0) yield rows;
    last = rows.length < size ? undefined : rows.at(-1);
  } while (last);
}

function jsonOf<Desc extends DescMessage>(schema: Desc, messages: readonly MessageShape<Desc>[]): string[] {
  return messages.map((message) => toJsonString(schema, message));
}

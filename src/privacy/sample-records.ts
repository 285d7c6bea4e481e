import { create } from "@bufbuild/protobuf";
import { writeCivilDay } from "../civil-days.ts";
import { fromEpoch } from "../civil-time.ts";
import {
  type DeletedSample,
  DeletedSampleSchema,
  type SampleDay,
  SampleDaySchema,
} from "../gen/wellvault/v1/employee_export_pb.ts";
import { kindsByNumber } from "../metrics/kinds.ts";
import type { DeletedSampleRow } from "./statements/export-deleted-samples.ts";
import type { KeptDayRow } from "./statements/export-kept-days.ts";

/** A tombstone as an export shows it. */
export function toDeletedSample(row: DeletedSampleRow): DeletedSample {
  return create(DeletedSampleSchema, {
    kind: slugOf(row.kind),
    startTime: fromEpoch(row.start_epoch),
    utcOffsetMinutes: row.utc_offset_minutes,
    source: row.slug,
    daily: row.daily,
    version: BigInt(row.version),
    deleteTime: fromEpoch(row.delete_epoch),
  });
}

/** A kept day as an export shows it. */
export function toSampleDay(row: KeptDayRow): SampleDay {
  return create(SampleDaySchema, {
    kind: slugOf(row.kind),
    civilDate: writeCivilDay(row.day),
    source: row.slug,
    daily: row.daily,
    count: row.count,
    sum: row.sum,
    minimum: row.min,
    maximum: row.max,
    last: row.last,
    lastTime: fromEpoch(row.last_epoch),
  });
}

function slugOf(number: number): string {
  const kind = kindsByNumber.get(number);
  if (!kind) throw new Error(`a sample has the unknown kind ${number}`);
  return kind.slug;
}

import { createHash } from "node:crypto";
import { ExportRecordType } from "../../gen/wellvault/v1/employee_export_pb.ts";
import { ExportBrokenError } from "./export-broken-error.ts";

/** Name of the file that says what the others are; a folder without it holds no export. */
export const manifestFile = "manifest.json";

/** The form of exports that this version reads. */
export const formatVersion = 1;

const names = new Map<ExportRecordType, string>([
  [ExportRecordType.EMPLOYEE, "employee.ndjson"],
  [ExportRecordType.LOG_ENTRY, "log_entries.ndjson"],
  [ExportRecordType.DELETED_LOG_ENTRY, "deleted_log_entries.ndjson"],
  [ExportRecordType.SAMPLE, "samples.ndjson"],
  [ExportRecordType.DELETED_SAMPLE, "deleted_samples.ndjson"],
  [ExportRecordType.SAMPLE_DAY, "sample_days.ndjson"],
]);

/** Name of the file for records of a type, also of one that only a newer service knows. */
export function fileOf(type: ExportRecordType): string {
  return names.get(type) ?? `records_of_type_${type}.ndjson`;
}

/** Whether this version knows what records of the type are. */
export function isKnown(type: ExportRecordType): boolean {
  return names.has(type);
}

/** Counts and sums of a file, as they are compared with the manifest's. */
export interface FileSum {
  readonly recordCount: bigint;
  readonly byteCount: bigint;
  readonly sha256: string;
}

/**
 * Compares a file with what the manifest says of it.
 *
 * @throws ExportBrokenError when they differ
 */
export function checkSum(file: string, found: FileSum, wanted: FileSum): void {
  for (const key of ["byteCount", "recordCount", "sha256"] as const) {
    if (found[key] === wanted[key]) continue;
    throw new ExportBrokenError(
      `${file} is not what the manifest says: ${key} ${found[key]} instead of ${wanted[key]}.`,
    );
  }
}

/** Sums what a file consists of. */
export class Summing {
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #lines = 0;

  /** Takes the next bytes. */
  add(data: Uint8Array): void {
    this.#hash.update(data);
    this.#bytes += data.length;
    for (let at = data.indexOf(lineFeed); at !== -1; at = data.indexOf(lineFeed, at + 1)) this.#lines++;
  }

  /** Returns the sums; nothing can be added any more. */
  finish(): FileSum {
    return {
      recordCount: BigInt(this.#lines),
      byteCount: BigInt(this.#bytes),
      sha256: this.#hash.digest("hex"),
    };
  }
}

const lineFeed = 0x0a;

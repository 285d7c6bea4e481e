import { createHash, type Hash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExportFileSchema,
  type ExportPartSchema,
  ExportRecordType,
} from "../gen/wellvault/v1/employee_export_pb.ts";

/** The data of one part at most, in bytes. Every record is smaller: a note of 4,000 characters is the most of it. */
export const maxPartBytes = 256 * 1_024;

/** The types of records in the order of an export. */
export const recordTypes = [
  ExportRecordType.EMPLOYEE,
  ExportRecordType.LOG_ENTRY,
  ExportRecordType.DELETED_LOG_ENTRY,
  ExportRecordType.SAMPLE,
  ExportRecordType.DELETED_SAMPLE,
  ExportRecordType.SAMPLE_DAY,
] as const;

/** One of {@link recordTypes}. */
export type RecordType = (typeof recordTypes)[number];

/** Gathers records into parts, and keeps the sums of them. */
export interface PartWriter {
  /** Adds records of a type, as JSON without line feeds. Types come in their order. */
  add(type: RecordType, records: readonly string[]): Promise<void>;
  /** Pushes what is left, and returns the sums. */
  finish(): Promise<{ partCount: number; files: MessageInitShape<typeof ExportFileSchema>[] }>;
}

/** Makes a writer that hands parts on to `push`, one after the other. */
export function createPartWriter(push: (part: MessageInitShape<typeof ExportPartSchema>) => Promise<void>): PartWriter {
  const sums = new Map<RecordType, { records: number; bytes: number; hash: Hash }>(
    recordTypes.map((type) => [type, { records: 0, bytes: 0, hash: createHash("sha256") }]),
  );
  let partCount = 0;
  let current: RecordType = ExportRecordType.EMPLOYEE;
  let lines: Buffer[] = [];
  let size = 0;

  async function flush(): Promise<void> {
    if (size === 0) return;
    const data = Buffer.concat(lines, size);
    const sum = sums.get(current);
    if (sum) {
      sum.records += lines.length;
      sum.bytes += size;
      sum.hash.update(data);
    }
    lines = [];
    size = 0;
    await push({ partIndex: partCount++, recordType: current, data });
  }

  return {
    async add(type, records) {
      if (type !== current) await flush();
      current = type;
      for (const record of records) {
        const line = Buffer.from(`${record}\n`);
        if (size + line.length > maxPartBytes) await flush();
        lines.push(line);
        size += line.length;
      }
    },
    async finish() {
      await flush();
      const files = [...sums].map(([recordType, { records, bytes, hash }]) => ({
        recordType,
        recordCount: BigInt(records),
        byteCount: BigInt(bytes),
        sha256: hash.digest("hex"),
      }));
      return { partCount, files };
    },
  };
}

import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { ExportManifest, ExportRecordType } from "../../src/gen/wellvault/v1/employee_export_pb.ts";
import type { ExportEmployeeResponse } from "../../src/gen/wellvault/v1/privacy_service_pb.ts";

/** An export as its reader puts it together. */
export interface ReadExport {
  readonly manifest: ExportManifest;
  /** Bytes of each part's data. */
  readonly sizes: readonly number[];
  /** The records of each type, parsed. */
  records(type: ExportRecordType): readonly Record<string, unknown>[];
}

/** Reads an export to its end and checks its parts against its manifest. */
export async function readWhole(stream: AsyncIterable<ExportEmployeeResponse>): Promise<ReadExport> {
  const data = new Map<ExportRecordType, Buffer[]>();
  const sizes: number[] = [];
  let manifest: ExportManifest | undefined;
  for await (const { content } of stream) {
    expect(manifest, "something came after the manifest").toBeUndefined();
    if (content.case === "manifest") manifest = content.value;
    if (content.case !== "part") continue;
    const { partIndex, recordType, data: bytes } = content.value;
    expect(partIndex).toBe(sizes.length);
    sizes.push(bytes.length);
    data.set(recordType, [...(data.get(recordType) ?? []), Buffer.from(bytes)]);
  }
  if (!manifest) throw new Error("no manifest came");
  expect(manifest.partCount).toBe(sizes.length);
  const parsed = new Map<ExportRecordType, Record<string, unknown>[]>();
  for (const file of manifest.files) {
    const bytes = Buffer.concat(data.get(file.recordType) ?? []);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(file.sha256);
    expect(BigInt(bytes.length)).toBe(file.byteCount);
    const lines = bytes.toString("utf8").split("\n");
    expect(lines.pop()).toBe("");
    expect(BigInt(lines.length)).toBe(file.recordCount);
    parsed.set(
      file.recordType,
      lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  }
  expect([...data.keys()].every((type) => parsed.has(type))).toBe(true);
  return { manifest, sizes, records: (type) => parsed.get(type) ?? [] };
}

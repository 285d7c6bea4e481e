import { type FileHandle, mkdir, open as openFile, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { ConfigError } from "../../config.ts";
import {
  type ExportManifest,
  ExportManifestSchema,
  type ExportPart,
  type ExportRecordType,
} from "../../gen/wellvault/v1/employee_export_pb.ts";
import type { ExportEmployeeResponse } from "../../gen/wellvault/v1/privacy_service_pb.ts";
import { ExportBrokenError } from "./export-broken-error.ts";
import { checkSum, fileOf, manifestFile, Summing } from "./export-files.ts";

/**
 * Writes an export into a folder: a file for each type of record, and the manifest last, once all of them were found
 * to be what it says. The files can be read by their owner alone. When it fails, nothing of it is left behind.
 *
 * @param open begins the export, once there is a place for it
 * @param folder is made when it is not there, and must be empty
 * @param onBytes told of the size of each part that was written
 * @throws ConfigError when the folder cannot be used, ExportBrokenError when parts are missing or wrong
 */
export async function writeExport(
  open: () => AsyncIterable<ExportEmployeeResponse>,
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<ExportManifest> {
  const isNew = await makeEmpty(folder);
  const files = new Map<ExportRecordType, { handle: FileHandle; sum: Summing }>();
  const written = new Set<string>();
  const create = async (name: string) => {
    const handle = await openFile(join(folder, name), "wx", 0o600);
    written.add(name);
    return handle;
  };

  async function write({ recordType, data }: ExportPart): Promise<void> {
    let file = files.get(recordType);
    if (!file) {
      file = { handle: await create(fileOf(recordType)), sum: new Summing() };
      files.set(recordType, file);
    }
    await file.handle.writeFile(data);
    file.sum.add(data);
  }

  try {
    const manifest = await readParts(open(), async (part) => {
      await write(part);
      onBytes(part.data.length);
    });
    for (const wanted of manifest.files) {
      const { recordType } = wanted;
      const file = files.get(recordType) ?? { handle: await create(fileOf(recordType)), sum: new Summing() };
      files.delete(recordType);
      await file.handle.sync();
      await file.handle.close();
      checkSum(fileOf(recordType), file.sum.finish(), wanted);
    }
    for (const type of files.keys()) throw new ExportBrokenError(`The manifest does not name ${fileOf(type)}.`);
    const temporary = `${manifestFile}.partial`;
    const handle = await create(temporary);
    await handle.writeFile(`${toJsonString(ExportManifestSchema, manifest, { prettySpaces: 2 })}\n`);
    await handle.sync();
    await handle.close();
    await rename(join(folder, temporary), join(folder, manifestFile));
    return manifest;
  } catch (error) {
    for (const { handle } of files.values()) await handle.close().catch(() => undefined);
    for (const name of written) await rm(join(folder, name), { force: true }).catch(() => undefined);
    if (isNew) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** Hands on the parts, and returns the manifest that ends them. */
async function readParts(
  stream: AsyncIterable<ExportEmployeeResponse>,
  take: (part: ExportPart) => Promise<void>,
): Promise<ExportManifest> {
  let parts = 0;
  let manifest: ExportManifest | undefined;
  for await (const { content } of stream) {
    if (manifest) throw new ExportBrokenError("Something came after the manifest.");
    if (content.case === "manifest") manifest = content.value;
    else if (content.case === "part") {
      if (content.value.partIndex !== parts) throw new ExportBrokenError(`Part ${parts} is missing.`);
      parts++;
      await take(content.value);
    }
  }
  if (!manifest) throw new ExportBrokenError("The stream ended without a manifest, so the export is not whole.");
  if (manifest.partCount !== parts) {
    throw new ExportBrokenError(`${parts} parts came and the manifest counts ${manifest.partCount}.`);
  }
  return manifest;
}

/** Makes sure that a folder is there and empty, and returns whether it was made. */
async function makeEmpty(folder: string): Promise<boolean> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new ConfigError(`--out cannot be used: ${error.message}`);
  });
  if (made !== undefined) return true;
  const inside = await readdir(folder);
  if (inside.length > 0) throw new ConfigError(`--out must name an empty folder, and ${folder} is not empty.`);
  return false;
}

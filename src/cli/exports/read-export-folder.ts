import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import { ConfigError } from "../../config.ts";
import {
  type ExportManifest,
  ExportManifestSchema,
  type ExportRecordType,
} from "../../gen/wellvault/v1/employee_export_pb.ts";
import { ExportBrokenError } from "./export-broken-error.ts";
import { checkSum, fileOf, formatVersion, isKnown, manifestFile, Summing } from "./export-files.ts";

/** A line of a file of an export. */
export interface ExportLine {
  /** Name of the file. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The record as JSON. */
  readonly text: string;
}

/** An export in a folder, found to be whole. */
export interface ExportFolder {
  readonly manifest: ExportManifest;
  /** Reads the records of a type, as fast as they are taken. */
  lines(type: ExportRecordType): AsyncGenerator<ExportLine>;
}

/**
 * Opens an export in a folder and checks every file against the manifest, before anything is done with them.
 *
 * @throws ConfigError when there is none, ExportBrokenError when it is not whole or of a form that is not known here
 */
export async function openExportFolder(folder: string): Promise<ExportFolder> {
  const text = await readFile(join(folder, manifestFile), "utf8").catch((error: Error) => {
    throw new ConfigError(`The folder holds no export that can be read: ${error.message}`);
  });
  const manifest = parseManifest(text);
  if (manifest.formatVersion !== formatVersion || !manifest.files.every(({ recordType }) => isKnown(recordType))) {
    throw new ExportBrokenError("The export has a form that this version does not know. Use a newer one.");
  }
  for (const wanted of manifest.files) {
    const file = fileOf(wanted.recordType);
    const sum = new Summing();
    try {
      for await (const data of createReadStream(join(folder, file))) sum.add(data as Uint8Array);
    } catch (error) {
      throw new ExportBrokenError(`${file} cannot be read: ${(error as Error).message}`);
    }
    checkSum(file, sum.finish(), wanted);
  }
  return {
    manifest,
    async *lines(type) {
      const file = fileOf(type);
      let line = 0;
      for await (const text of linesOf(join(folder, file))) yield { file, line: ++line, text };
    },
  };
}

/** Reads lines that end with a line feed and nothing else: Node's own reader also ends them at U+2028, which notes hold. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const text of createReadStream(path, "utf8")) {
    const lines = (rest + String(text)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

function parseManifest(text: string): ExportManifest {
  try {
    return fromJsonString(ExportManifestSchema, text, { ignoreUnknownFields: true });
  } catch {
    throw new ExportBrokenError(`${manifestFile} is no manifest of an export.`);
  }
}

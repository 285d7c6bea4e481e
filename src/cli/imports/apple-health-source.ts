import { open } from "node:fs/promises";
import { ConfigError } from "../../config.ts";
import { readAppleHealth } from "../../importers/apple-health/read-export.ts";
import type { ImportSource } from "./import-source.ts";

/**
 * Opens an `export.xml` of Apple Health.
 *
 * @param employee external id of the employee whose export it is; the file does not say it
 * @throws ConfigError when the file cannot be read, or is still packed
 */
export async function appleHealthSource(file: string, employee: string): Promise<ImportSource> {
  if ((await headOf(file)).startsWith("PK")) {
    throw new ConfigError(`${file} is a ZIP archive. Unpack it and import the export.xml in it.`);
  }
  return {
    importer: "apple-health",
    input: file,
    files: [file],
    options: { employee },
    notices: [],
    read: () => readAppleHealth(file, employee),
  };
}

/** The first two bytes of a file. */
async function headOf(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new ConfigError(`The input cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

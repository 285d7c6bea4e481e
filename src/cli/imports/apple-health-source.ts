import { readAppleHealth } from "../../importers/apple-health/read-export.ts";
import type { ImportSource } from "./import-source.ts";

/**
 * Opens an `export.xml` of Apple Health.
 *
 * @param employee external id of the employee whose export it is; the file does not say it
 */
export function appleHealthSource(file: string, employee: string): ImportSource {
  return {
    importer: "apple-health",
    input: file,
    files: [file],
    options: { employee },
    notices: [],
    read: () => readAppleHealth(file, employee),
  };
}

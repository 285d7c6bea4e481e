import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../config.ts";
import { readFitabaseEvents } from "../../importers/fitabase.ts";
import { type FitabaseFile, fitabaseFiles } from "../../importers/fitabase-files.ts";
import type { ImportSource } from "./import-source.ts";

/**
 * Opens a folder with a Fitabase export. Files of it may be missing, for nobody has every device.
 *
 * @param utcOffsetMinutes minutes east of Greenwich of the clock that the files' times are by
 * @throws ConfigError when the folder holds none of the files
 */
export async function fitabaseSource(folder: string, utcOffsetMinutes: number): Promise<ImportSource> {
  const paths = new Map<string, FitabaseFile>();
  const missing: string[] = [];
  for (const file of fitabaseFiles) {
    const path = join(folder, file.name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) paths.set(path, file);
    else missing.push(file.name);
  }
  if (paths.size === 0) {
    throw new ConfigError(`${folder} holds no Fitabase export: none of ${missing.join(", ")} can be read there.`);
  }
  return {
    importer: "fitabase",
    input: folder,
    files: [...paths.keys()],
    options: { utcOffsetMinutes },
    notices: missing.map((name) => `${name} is not there and not imported.`),
    read: () => readFitabaseEvents(paths, utcOffsetMinutes),
  };
}

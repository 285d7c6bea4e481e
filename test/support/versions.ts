import { existsSync } from "node:fs";
import { join } from "node:path";

/** The versions of PostgreSQL that the tests run on; the last one is what the project itself depends on. */
export const versions = ["16", "17", "18"] as const;

/** A major version of PostgreSQL. */
export type Version = (typeof versions)[number];

/** The variable that names the version to test on. */
export const versionVariable = "WELLVAULT_TEST_POSTGRES";

/** Folder of the packages with a version's programs, or undefined for those of the project itself. */
export function packagesOf(version: Version): string | undefined {
  return version === "18" ? undefined : join(import.meta.dirname, "../versions", version);
}

/**
 * Where the servers that tests start take their programs from, as {@link versionVariable} says.
 *
 * @throws Error when the version is none of {@link versions} or is not installed
 */
export function testPrograms(): string | undefined {
  const wanted = process.env[versionVariable] || "18";
  const version = versions.find((known) => known === wanted);
  if (!version) throw new Error(`${versionVariable} must be one of ${versions.join(", ")}.`);
  const folder = packagesOf(version);
  if (folder && !existsSync(join(folder, "node_modules"))) {
    throw new Error(`PostgreSQL ${version} is not installed. Run: npm run test:versions -- --version ${version}`);
  }
  return folder;
}

import { execFile } from "node:child_process";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPostgresPrograms } from "../../src/database/binaries.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/database/embedded-server.ts";
import { initialise } from "../../src/database/initdb.ts";
import { testPrograms } from "./versions.ts";

/**
 * Makes the data of a disposable server, so that those which tests start are copies of it: that takes a twentieth of
 * the time that initdb takes.
 *
 * @param parent folder to make it in; the user that servers run as must be able to pass through
 * @returns its folder
 */
export async function makeFreshServer(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, "fresh-"));
  await chmod(folder, 0o711);
  const programs = await findPostgresPrograms(testPrograms());
  await initialise(programs, join(folder, "postgres"), join(folder, "password"), true);
  return folder;
}

/** Starts a copy of what {@link makeFreshServer} made, in a temporary folder of its own. */
export async function startCopy(fresh: string): Promise<EmbeddedServer> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-own-"));
  // With the owner of each file, which Node's own copy does not keep.
  await promisify(execFile)("cp", ["-a", `${fresh}/.`, folder]);
  return await startEmbeddedServer({ folder, disposable: true, programsFrom: testPrograms() });
}

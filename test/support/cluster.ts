import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/database/embedded-server.ts";
import { createTemplate } from "./template.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";
import { testPrograms } from "./versions.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of a database of the server that all tests share, as its superuser. */
    serverUrl: string;
    /** Name of a migrated database of that server, for copies. */
    template: string;
  }
}

/** Where programs that tests start keep their compiled sources, which is a third of the time that one takes to start. */
const compileCache = join(import.meta.dirname, "../../node_modules/.cache/compiled");

/** Starts the one server of a test run, or uses that of WELLVAULT_TEST_DATABASE_URL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env["NODE_COMPILE_CACHE"] ??= compileCache;
  const folder = await makeTemporaryFolder();
  // The tests, and the programs that they start, make their temporary folders in it.
  process.env["TMPDIR"] = folder;
  const given = process.env["WELLVAULT_TEST_DATABASE_URL"];
  const server = given ? undefined : await startServer(folder);
  const serverUrl = server?.url ?? given ?? "";
  const template = await createTemplate(serverUrl);
  project.provide("serverUrl", serverUrl);
  project.provide("template", template.name);
  return async () => {
    if (server) await server.stop("immediate");
    else await template.drop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Starts a server whose data is below a folder. */
async function startServer(folder: string): Promise<EmbeddedServer> {
  return await startEmbeddedServer({
    folder: await mkdtemp(join(folder, "server-")),
    disposable: true,
    programsFrom: testPrograms(),
  });
}

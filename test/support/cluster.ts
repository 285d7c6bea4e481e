import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { makeFreshServer, startCopy } from "./fresh-server.ts";
import { createTemplate } from "./template.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of a database of the server that all tests share, as its superuser. */
    serverUrl: string;
    /** Name of a migrated database of that server, for copies. */
    template: string;
    /** Folder of a server that never ran, for copies; undefined when the shared one is not of this run. */
    freshServer: string | undefined;
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
  const fresh = given ? undefined : await makeFreshServer(folder);
  const server = fresh === undefined ? undefined : await startCopy(fresh);
  const serverUrl = server?.url ?? given ?? "";
  const template = await createTemplate(serverUrl);
  project.provide("serverUrl", serverUrl);
  project.provide("template", template.name);
  project.provide("freshServer", fresh);
  return async () => {
    if (server) await server.stop("immediate");
    else await template.drop();
    await rm(folder, { recursive: true, force: true });
  };
}

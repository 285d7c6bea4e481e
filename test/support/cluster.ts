import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startEmbeddedServer } from "../../src/database/embedded-server.ts";
import { testPrograms } from "./versions.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of a database of the server that all tests share, as its superuser. */
    serverUrl: string;
  }
}

/** Where programs that tests start keep their compiled sources, which is a third of the time that one takes to start. */
const compileCache = join(import.meta.dirname, "../../node_modules/.cache/compiled");

/** Starts the one server of a test run, or uses that of WELLVAULT_TEST_DATABASE_URL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env["NODE_COMPILE_CACHE"] ??= compileCache;
  const given = process.env["WELLVAULT_TEST_DATABASE_URL"];
  if (given) {
    project.provide("serverUrl", given);
    return async () => undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), "wellvault-test-"));
  const server = await startEmbeddedServer({ folder, disposable: true, programsFrom: testPrograms() });
  project.provide("serverUrl", server.url);
  return async () => {
    await server.stop("immediate");
    await rm(server.folder, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  };
}

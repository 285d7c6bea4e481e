import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/database/embedded-server.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { startCopy } from "./fresh-server.ts";
import { testPrograms } from "./versions.ts";

/** A PostgreSQL server of its own for one test file, with an empty database. */
export interface OwnServer {
  readonly server: EmbeddedServer;
  readonly database: TestDatabase;
  /** Stops the server and removes its folder. */
  close(): Promise<void>;
}

/**
 * Starts a server for tests that crash it, change roles, or count what belongs to the whole server.
 *
 * @param disposable whether what it acknowledges may be lost in a crash
 */
export async function startOwnServer(disposable = true): Promise<OwnServer> {
  const fresh = disposable ? inject("freshServer") : undefined;
  const server = fresh ? await startCopy(fresh) : await startNew(disposable);
  const database = await createTestDatabase(server.url);
  return {
    server,
    database,
    async close() {
      await database.admin.end().catch(() => undefined);
      await server.stop("immediate");
      await rm(server.folder, { recursive: true, force: true });
    },
  };
}

async function startNew(disposable: boolean): Promise<EmbeddedServer> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-own-"));
  return await startEmbeddedServer({ folder, disposable, programsFrom: testPrograms() });
}

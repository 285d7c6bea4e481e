import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedServer } from "../src/database/embedded-server.ts";
import { withClient } from "./contestants/peer-database.ts";

/** The PostgreSQL server of a run, in a temporary folder; disposing of it stops and removes it. */
export interface BenchDatabase extends AsyncDisposable {
  /** URL of Wellvault's database, as a superuser. */
  readonly url: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /**
   * Ends the time of preparations: from now on every commit is on the disk before it is acknowledged.
   *
   * @throws Error when the server does not keep to it
   */
  makeDurable(): Promise<void>;
}

/**
 * Starts a PostgreSQL server. Until {@link BenchDatabase.makeDurable} nothing is forced to the disk, so that
 * thousands of vaults are made in reasonable time.
 */
export async function startBenchDatabase(): Promise<BenchDatabase> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "wellvault-bench-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  // For root the server runs as another user, who has to get in.
  await chmod(folder, 0o711);
  const server = await startEmbeddedServer({ folder });
  started.defer(() => rm(server.folder, { recursive: true, force: true }));
  started.defer(() => server.stop("immediate"));
  const [pid] = (await readFile(join(server.folder, "postgres/postmaster.pid"), "utf8")).split("\n");
  await withClient(server.url, async (admin) => {
    for (const change of [
      "fsync = off",
      "synchronous_commit = off",
      // Checkpoints and vacuums come when they are due, in the middle of whoever's turn it is. They are kept out of the
      // measurement for everybody alike; what they cost is the same for the same rows.
      "autovacuum = off",
      "checkpoint_timeout = '1h'",
      "max_wal_size = '8GB'",
    ]) {
      await admin.query(`alter system set ${change}`);
    }
    await admin.query("select pg_reload_conf()");
  });
  const running = started.move();
  return {
    url: server.url,
    pid: Number(pid),
    async makeDurable() {
      await withClient(server.url, async (admin) => {
        await admin.query("alter system reset fsync");
        await admin.query("alter system reset synchronous_commit");
        await admin.query("select pg_reload_conf()");
        await admin.query("checkpoint");
      });
      // A new session, for one that is open may not have read the settings yet.
      await withClient(server.url, async (admin) => {
        const { rows } = await admin.query<{ name: string; setting: string }>(
          "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')",
        );
        const off = rows.filter(({ setting }) => setting !== "on");
        if (rows.length !== 3 || off.length > 0) throw new Error(`${off.map(({ name }) => name)} must be on`);
      });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Opens a client that disposing of it closes. */
export async function openClient(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  // The failure itself reaches us through the query that was running.
  client.on("error", () => undefined);
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

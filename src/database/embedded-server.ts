import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import pg from "pg";
import { canReach, findPostgresPrograms, type PostgresPrograms, systemFolder } from "./binaries.ts";
import { startOnFreePort } from "./free-port.ts";
import { initialise, superuser } from "./initdb.ts";
import { runProgram } from "./run-program.ts";

/** A PostgreSQL server that this process started. */
export interface EmbeddedServer {
  /** URL of the service's database as its superuser. Holds the password: never log it. */
  readonly url: string;
  /** Folder with the server's data, its log and the file that holds the URL. */
  readonly folder: string;
  /** Stops the server and waits for it: `fast` ends sessions, `immediate` is a crash. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
  /** Starts the server again on the same port after a stop or a crash. */
  restart(): Promise<void>;
}

/** How to start an embedded server. */
export interface EmbeddedServerOptions {
  /** Folder to keep everything in; made when it is missing. */
  readonly folder: string;
  /** Name of the database to create. Default `wellvault`. */
  readonly database?: string;
  /**
   * Gives up durability for speed: for data that is thrown away with the process. Default false.
   */
  readonly disposable?: boolean;
  /** Folder whose node_modules hold the programs of another version. Default this project's own. */
  readonly programsFrom?: string | undefined;
}

/**
 * Starts the PostgreSQL server of `folder`, creating its data the first time.
 *
 * The server is a process of its own session: a Ctrl-C in the terminal reaches the service, which
 * finishes its calls and then stops the database. A server that an earlier process left behind
 * (it was killed) is stopped first; the caller makes sure that no living process uses the folder.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const programs = await findPostgresPrograms(options.programsFrom);
  const folder = await prepareFolder(resolve(options.folder), programs);
  const data = join(folder, "postgres");
  const passwordFile = join(folder, "password");

  if (existsSync(join(data, "PG_VERSION")) && !existsSync(join(data, ".initialised"))) {
    // initdb was interrupted: nothing of worth can be in there yet.
    await rm(data, { recursive: true });
  }
  if (!existsSync(data)) await initialise(programs, data, passwordFile, options.disposable ?? false);
  const password = (await readFile(passwordFile, "utf8")).trim();

  if (await isRunning(programs, data)) await control(programs, ["stop", "-D", data, "-m", "fast", "-w"]);
  const log = join(data, "server.log");
  const startOn = async (port: number): Promise<void> => {
    try {
      await control(programs, ["start", "-D", data, "-w", "-t", "120", "-l", log, "-o", `-p ${port}`]);
    } catch (cause) {
      const lines = (await readFile(log, "utf8").catch(() => "")).trimEnd().split("\n");
      throw new Error(`PostgreSQL did not start; the end of ${log} says:\n${lines.slice(-5).join("\n")}`, { cause });
    }
  };
  const port = await startOnFreePort(startOn);

  const server: EmbeddedServer = {
    url: `postgresql://${superuser}:${password}@127.0.0.1:${port}/${options.database ?? "wellvault"}`,
    folder,
    async stop(mode = "fast") {
      if (await isRunning(programs, data)) await control(programs, ["stop", "-D", data, "-m", mode, "-w", "-t", "60"]);
    },
    restart: () => startOn(port),
  };
  try {
    await createDatabase(server.url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  await writeFile(join(folder, "database-url"), `${server.url}\n`, { mode: 0o600 });
  return server;
}

/** Makes the folder, or its stand-in where the `postgres` user cannot reach it. */
async function prepareFolder(wanted: string, programs: PostgresPrograms): Promise<string> {
  const { owner } = programs;
  await mkdir(wanted, { recursive: true });
  if (!owner || canReach(wanted, owner.uid)) return wanted;
  if (canReach(dirname(wanted), owner.uid)) {
    // Only the folder itself is closed. To pass through it shows nothing of what is in it.
    await chmod(wanted, (await stat(wanted)).mode | 0o011);
    return wanted;
  }
  const standIn = standInOf(wanted);
  await mkdir(standIn, { recursive: true, mode: 0o755 });
  return standIn;
}

/** The stand-in of a folder; one for each checkout, told apart by the path with its separators replaced. */
function standInOf(wanted: string): string {
  return join(systemFolder, `${basename(wanted)}${resolve(wanted).replaceAll("/", "-")}`);
}

/**
 * Returns the URL of the embedded server whose data is in the folder, as its superuser, or undefined when none
 * was ever started there. The server need not be running.
 */
export async function readEmbeddedUrl(folder: string): Promise<string | undefined> {
  for (const place of [folder, standInOf(folder)]) {
    const text = await readFile(join(place, "database-url"), "utf8").catch(() => undefined);
    if (text) return text.trim();
  }
  return undefined;
}

async function createDatabase(url: string): Promise<void> {
  const target = new URL(url);
  const name = target.pathname.slice(1);
  target.pathname = "/postgres";
  const client = new pg.Client({ connectionString: target.href });
  // The failure itself reaches us through the query that was running.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const found = await client.query("select from pg_catalog.pg_database where datname = $1", [name]);
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
    // The other databases of this server are nobody's: the service's logins have no business there.
    await client.query("revoke all on database postgres, template1 from public");
  } finally {
    await client.end();
  }
}

async function isRunning(programs: PostgresPrograms, data: string): Promise<boolean> {
  if (!existsSync(join(data, "postmaster.pid"))) return false;
  try {
    await control(programs, ["status", "-D", data]);
    return true;
  } catch {
    return false;
  }
}

function control(programs: PostgresPrograms, args: string[]): Promise<void> {
  return runProgram(programs, "pg_ctl", args);
}

import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { appendFile, chmod, chown, mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import pg from "pg";
import { canReach, findPostgresPrograms, type PostgresPrograms, systemFolder } from "./binaries.ts";

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
}

const superuser = "postgres";

/**
 * Starts the PostgreSQL server of `folder`, creating its data the first time.
 *
 * The server is a process of its own session: a Ctrl-C in the terminal reaches the service, which
 * finishes its calls and then stops the database. A server that an earlier process left behind
 * (it was killed) is stopped first; the caller makes sure that no living process uses the folder.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const programs = await findPostgresPrograms();
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
  // One stand-in for each checkout, told apart by the path with its separators replaced.
  const standIn = join(systemFolder, `${basename(wanted)}${resolve(wanted).replaceAll("/", "-")}`);
  await mkdir(standIn, { recursive: true, mode: 0o755 });
  return standIn;
}

async function initialise(
  programs: PostgresPrograms,
  data: string,
  passwordFile: string,
  disposable: boolean,
): Promise<void> {
  const { owner } = programs;
  await mkdir(data, { mode: 0o700 });
  if (owner) await chown(data, owner.uid, owner.gid);
  await writeFile(passwordFile, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
  if (owner) await chown(passwordFile, owner.uid, owner.gid);
  try {
    await execute(programs, "initdb", [
      `--pgdata=${data}`,
      "--auth=scram-sha-256",
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--encoding=UTF8",
      "--locale=C",
      "--no-instructions",
      ...(disposable ? ["--no-sync"] : []),
    ]);
    await appendFile(join(data, "postgresql.conf"), settings(disposable));
    const marker = await open(join(data, ".initialised"), "w");
    await marker.close();
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
  if (owner) await chown(passwordFile, 0, 0);
  await chmod(passwordFile, 0o600);
}

function settings(disposable: boolean): string {
  const lines = [
    "",
    "# Wellvault",
    "listen_addresses = '127.0.0.1'",
    // No socket file: it would be a second door, in a folder that others share.
    "unix_socket_directories = ''",
    "max_connections = 200",
    // A dump of a database with many schemas locks every table at once.
    "max_locks_per_transaction = 512",
    "jit = off",
    // Values in statements are health data: keep them out of the log.
    "log_error_verbosity = terse",
    "log_min_error_statement = panic",
    "log_parameter_max_length = 0",
    "log_parameter_max_length_on_error = 0",
  ];
  if (disposable) lines.push("fsync = off", "synchronous_commit = off", "full_page_writes = off");
  return `${lines.join("\n")}\n`;
}

async function createDatabase(url: string): Promise<void> {
  const target = new URL(url);
  const name = target.pathname.slice(1);
  target.pathname = "/postgres";
  const client = new pg.Client({ connectionString: target.href });
  await client.connect();
  try {
    const found = await client.query("select from pg_catalog.pg_database where datname = $1", [name]);
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
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
  return execute(programs, "pg_ctl", args);
}

function execute(programs: PostgresPrograms, program: string, args: string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(join(programs.bin, program), args, {
      ...programs.owner,
      cwd: "/",
      // A session of its own: signals meant for the service do not reach it.
      detached: true,
      env: { ...process.env, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.once("error", fail);
    // "exit", not "close": the server that pg_ctl leaves behind keeps the pipes open.
    child.once("exit", (code) => {
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) done();
      else fail(new Error(`${program} ${args[0]} failed with exit code ${code}: ${output.trim()}`));
    });
  });
}

/** Ports to choose from: below those that the system gives to outgoing connections. */
const firstPort = 20_000;
const lastPort = 32_000;
const startAttempts = 3;

/** Starts the server on a free port and returns it. */
async function startOnFreePort(startOn: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await startOn(port);
      return port;
    } catch (error) {
      // Another program may have taken the port since it was tried.
      if (attempt === startAttempts) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, lastPort);
    const free = await new Promise<boolean>((done) => {
      const probe = createServer();
      probe.once("error", () => done(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => done(true)));
    });
    if (free) return port;
  }
}

import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type pg from "pg";
import { startOnFreePort } from "../../src/database/free-port.ts";

/** What to do where pgbouncer is missing. */
export const howToInstall =
  "pgbouncer is missing, and the tests behind a pooler are skipped. On Debian and Ubuntu: apt-get install pgbouncer";

/** Finds the program, also where only root has its folder in the path. */
export function findPgBouncer(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders
    .map((folder) => join(folder, "pgbouncer"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A pgbouncer in front of a server, in transaction mode. */
export interface PgBouncer {
  /** Returns the URL with the pooler in place of the server. */
  through(url: string): string;
  close(): Promise<void>;
}

/** How to start a {@link PgBouncer}. */
export interface PgBouncerOptions {
  readonly program: string;
  /** A superuser's connection to the database that is pooled, and the URL of it. */
  readonly admin: pg.Client;
  readonly serverUrl: string;
  /** Server connections of a login. */
  readonly poolSize: number;
  /** Whether a server connection is reset after every transaction, as docs/operations.md says. */
  readonly reset: boolean;
}

/** The user that pgbouncer runs as when this process is root, as which it refuses to run: `nobody`. */
const nobody = 65_534;

/** Starts pgbouncer with the settings of docs/operations.md. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const { admin, serverUrl, poolSize, program, reset } = options;
  const target = new URL(serverUrl);
  const folder = await mkdtemp(join(tmpdir(), "wellvault-pgbouncer-"));
  const { rows } = await admin.query<{ line: string }>(
    `select format('"%s" "%s"', rolname, rolpassword) as line from pg_authid where rolname ~ '^wellvault_' and rolcanlogin`,
  );
  const users = join(folder, "userlist.txt");
  const settings = join(folder, "pgbouncer.ini");
  await writeFile(users, `${rows.map(({ line }) => line).join("\n")}\n`);
  await chmod(folder, 0o755);
  let child: ReturnType<typeof spawn> | undefined;
  const port = await startOnFreePort(async (free) => {
    await writeFile(
      settings,
      `[databases]
* = host=${target.hostname} port=${target.port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${free}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200
ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout
server_reset_query = DISCARD ALL
server_reset_query_always = ${reset ? 1 : 0}
server_login_retry = 1
`,
    );
    const asRoot = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
    const started = spawn(program, ["-q", settings], { ...asRoot, stdio: "ignore" });
    child = started;
    await listening(free, () => started.exitCode === null);
  });
  return {
    through(url) {
      const through = new URL(url);
      through.host = `127.0.0.1:${port}`;
      through.searchParams.delete("sslmode");
      return through.href;
    },
    async close() {
      const ended = new Promise((done) => child?.once("exit", done));
      if (child?.exitCode === null && child.kill("SIGTERM")) await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until a port takes connections. */
async function listening(port: number, isAlive: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200 && isAlive(); attempt++) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, "127.0.0.1", () => done(true));
      socket.on("error", () => done(false)).on("close", () => done(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error("pgbouncer did not start");
}

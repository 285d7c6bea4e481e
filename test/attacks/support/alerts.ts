import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { ExtendedClient } from "../../../src/database/extended-client.ts";

/** What the token wall writes to the server's log. */
const alertText = "wellvault: a statement without a valid tenant token was shown no rows";

/** Tells whether the server raised the alert of the token wall. */
export interface Alerts {
  /** Alerts raised so far on connections of this process to this database. */
  count(): number;
  /** Stops listening. */
  close(): void;
}

/**
 * Hears the alerts that a data-plane login's statements raise. The login's sessions in this database are
 * made to get what goes to the server's log as notices as well, which works for any server. Where the
 * server's log file can be read, an alert counts only when it stands there, too.
 *
 * Has to be called before the login opens its first connection.
 */
export async function hearAlerts(admin: pg.Client, login: string): Promise<Alerts> {
  const { rows } = await admin.query<{ database: string; data: string }>(
    "select current_database() as database, current_setting('data_directory') as data",
  );
  const { database, data } = rows[0] ?? { database: "", data: "" };
  await admin.query(`alter role ${login} in database ${database} set client_min_messages = 'log'`);
  const log = join(data, "server.log");
  const start = existsSync(log) ? statSync(log).size : undefined;
  const pids = new Set<number>();
  let notices = 0;
  const emit = ExtendedClient.prototype.emit;
  ExtendedClient.prototype.emit = function (this: ExtendedClient, ...args: Parameters<typeof emit>) {
    const notice = args[1] as { severity?: string; message?: string } | undefined;
    const client = this as ExtendedClient & { processID?: number; database?: string };
    if (args[0] === "notice" && notice?.severity === "LOG" && notice.message === alertText) {
      if (client.processID !== undefined && client.database === database) {
        pids.add(client.processID);
        notices++;
      }
    }
    return emit.apply(this, args);
  } as typeof emit;
  const logged = (): number => {
    if (start === undefined) return notices;
    const lines = readFileSync(log).subarray(start).toString("utf8").split("\n");
    return lines.filter((line) => line.includes(alertText) && [...pids].some((pid) => line.includes(`[${pid}]`)))
      .length;
  };
  return {
    count: () => Math.min(notices, logged()),
    close: () => {
      ExtendedClient.prototype.emit = emit;
    },
  };
}

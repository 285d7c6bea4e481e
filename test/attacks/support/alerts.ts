import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { onClientEvent } from "./client-events.ts";

/** What the token wall writes to the server's log. */
const alertText = "wellvault: a statement without a valid tenant token was refused";

/** Tells whether the server raised the alert of the token wall. */
export interface Alerts {
  /** Alerts raised so far on connections of this process to this database. */
  count(): number;
  /** From now on: returns what an attempt's outcome is told with, `, logged` once there is one more. */
  mark(): () => string;
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
  const close = onClientEvent((event) => {
    if (event.severity !== "LOG" || event.message !== alertText || event.database !== database) return;
    if (event.processId !== undefined) pids.add(event.processId);
    notices++;
  });
  const logged = (): number => {
    if (start === undefined) return notices;
    const lines = readFileSync(log).subarray(start).toString("utf8").split("\n");
    return lines.filter((line) => line.includes(alertText) && [...pids].some((pid) => line.includes(`[${pid}]`)))
      .length;
  };
  const count = () => Math.min(notices, logged());
  return {
    count,
    mark() {
      const before = count();
      return () => (count() > before ? ", logged" : "");
    },
    close,
  };
}

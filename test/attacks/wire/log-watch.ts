import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";

/** What was logged while attacks ran. */
export interface LogWatch {
  /** Where the services' logs go. */
  readonly write: (line: string) => void;
  /** Lines of the services. */
  readonly lines: readonly string[];
  /**
   * Which of the texts stand in the services' lines or in the database server's. The server calls a role
   * that is gone by its name, which is a vault's and means nothing: names are looked for in the services' only.
   */
  find(texts: readonly string[]): string[];
  /** Lines of the services that hold SQL. */
  sql(): string[];
  /** The database server's lines since the start; empty when its log cannot be read from here. */
  serverLines(): string[];
}

const sqlPattern = /\b(insert into|delete from|set_config|set role|select .*? from|update \S+ set)\b/i;

/** Keeps what is logged from now on, by services that write here and by the database server. */
export async function watchLogs(admin: pg.Client): Promise<LogWatch> {
  const { rows } = await admin.query<{ data: string }>("select current_setting('data_directory') as data");
  const file = join(rows[0]?.data ?? "", "server.log");
  const start = existsSync(file) ? statSync(file).size : undefined;
  const lines: string[] = [];
  const serverLines = () =>
    start === undefined ? [] : readFileSync(file).subarray(start).toString("utf8").split("\n").filter(Boolean);
  return {
    write: (line) => void lines.push(line),
    lines,
    serverLines,
    sql: () => lines.filter((line) => sqlPattern.test(line)),
    find(texts) {
      const [own, server] = [lines.join("\n"), serverLines().join("\n")];
      return texts.filter((text) => own.includes(text) || (!/^v_[0-9a-f]{16}$/.test(text) && server.includes(text)));
    },
  };
}

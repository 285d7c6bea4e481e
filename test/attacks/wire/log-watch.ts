import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import type pg from "pg";
import { vi } from "vitest";

/** What was logged while attacks ran. */
export interface LogWatch {
  /** Where the services' logs go. */
  readonly write: (line: string) => void;
  /** Lines of the services. */
  readonly lines: readonly string[];
  /**
   * Which of the texts stand in the services' lines, in what the process printed, or in the database server's lines. The server calls a role
   * that is gone by its name, which is a vault's and means nothing: names are looked for in the services' only.
   */
  find(texts: readonly string[]): string[];
  /** Lines of the services that hold SQL. */
  sql(): string[];
  /** The database server's lines since the start; empty when its log cannot be read from here. */
  serverLines(): string[];
  /** What the process printed, beside the log. */
  readonly printed: readonly string[];
  /** Lets the process print unwatched again. */
  stop(): void;
}

const sqlPattern = /\b(insert into|delete from|set_config|set role|select .*? from|update \S+ set)\b/i;

/**
 * Keeps what is logged from now on, by services that write here and by the database server, and what any part of the
 * process prints past the log.
 *
 * @param options.isPassedOn whether what is printed is still printed; default true
 */
export async function watchLogs(admin: pg.Client, { isPassedOn = true } = {}): Promise<LogWatch> {
  const { rows } = await admin.query<{ data: string }>("select current_setting('data_directory') as data");
  const file = join(rows[0]?.data ?? "", "server.log");
  const start = existsSync(file) ? statSync(file).size : undefined;
  const lines: string[] = [];
  const serverLines = () =>
    start === undefined ? [] : readFileSync(file).subarray(start).toString("utf8").split("\n").filter(Boolean);
  const { printed, stop } = watchPrinting(isPassedOn);
  const own = () => [...lines, ...printed];
  return {
    printed,
    stop,
    write: (line) => void lines.push(line),
    lines,
    serverLines,
    sql: () => own().filter((line) => sqlPattern.test(line)),
    find(texts) {
      const [ours, server] = [own().join("\n"), serverLines().join("\n")];
      return texts.filter((text) => ours.includes(text) || (!/^v_[0-9a-f]{16}$/.test(text) && server.includes(text)));
    },
  };
}

const consoleMethods = ["error", "warn", "log", "info", "debug", "trace"] as const;

/** Keeps a copy of what goes to the console and to the standard streams. */
function watchPrinting(isPassedOn: boolean): { printed: readonly string[]; stop: () => void } {
  const printed: string[] = [];
  const spies = [
    ...consoleMethods.map((name) => {
      const print = console[name];
      return vi.spyOn(console, name).mockImplementation((...parts: unknown[]) => {
        printed.push(format(...parts));
        if (isPassedOn) print(...parts);
      });
    }),
    ...[process.stdout, process.stderr].map((stream) => {
      const write = stream.write.bind(stream) as (...parts: unknown[]) => boolean;
      return vi.spyOn(stream, "write").mockImplementation((...parts: unknown[]) => {
        printed.push(String(parts[0]));
        return !isPassedOn || write(...parts);
      });
    }),
  ];
  return {
    printed,
    stop() {
      for (const spy of spies.reverse()) spy.mockRestore();
    },
  };
}

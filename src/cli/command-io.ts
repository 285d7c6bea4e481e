import type { Writable } from "node:stream";

/** What a command has of the process that it runs in: that process itself, or what stands in for one. */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results, for people and programs. */
  readonly stdout: Writable;
  /** How far it is, and what went wrong. */
  readonly stderr: Terminal;
  /** How the command ended; undefined is 0. */
  exitCode?: number | string | null | undefined;
}

/** A stream that may be a terminal. */
export interface Terminal extends Writable {
  readonly isTTY?: boolean;
}

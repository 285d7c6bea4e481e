import { attackIds } from "./catalogue.ts";
import type { AttackRecord } from "./record.ts";

/** A test of an attack or of a control that has come to its end, as the reporter saw it. */
export interface Finished {
  readonly record: AttackRecord;
  readonly passed: boolean;
  /** Why it failed. */
  readonly error: string | undefined;
  readonly file: string;
  readonly durationMs: number;
}

/** What is to be said of an attack or a control. */
export type Verdict = "held" | "works without" | "FAILED" | "NOT RUN";

/** A line of the table. */
export interface Line {
  readonly kind: AttackRecord["kind"];
  readonly id: string;
  readonly title: string;
  readonly expected: string;
  readonly met: string;
  readonly unchanged: boolean | undefined;
  readonly unseen: boolean | undefined;
  readonly verdict: Verdict;
  readonly error?: string;
  readonly file?: string;
  readonly durationMs?: number;
}

/** All that a run found. */
export interface Report {
  readonly attacks: readonly Line[];
  readonly controls: readonly Line[];
  readonly held: number;
  readonly failed: number;
  readonly notRun: number;
}

/**
 * Makes the report of what was run. There is a line for every attack of the catalogue; one of which no
 * test left a record says so, whatever the tests that ran came to.
 */
export function makeReport(finished: readonly Finished[]): Report {
  const attacks = attackIds.flatMap((id): Line[] => {
    const tests = finished.filter(({ record }) => record.kind === "attack" && record.id === id);
    return tests.length > 0 ? tests.map(lineOf) : [notRun(id)];
  });
  const controls = finished.filter(({ record }) => record.kind !== "attack").map(lineOf);
  controls.sort((x, y) => attackIds.indexOf(x.id) - attackIds.indexOf(y.id));
  const count = (verdict: Verdict) => [...attacks, ...controls].filter((line) => line.verdict === verdict).length;
  return {
    attacks,
    controls,
    held: attacks.filter(({ verdict }) => verdict === "held").length,
    failed: count("FAILED"),
    notRun: count("NOT RUN"),
  };
}

function lineOf({ record, passed, error, file, durationMs }: Finished): Line {
  // A record without an outcome is of a test that made no attempt.
  const good = passed && record.met.length > 0;
  return {
    kind: record.kind,
    id: record.id,
    title: record.title,
    expected: record.expected,
    met: record.met.join("; "),
    unchanged: record.unchanged,
    unseen: record.unseen,
    verdict: good ? (record.kind === "control" ? "works without" : "held") : "FAILED",
    file,
    durationMs: Math.round(durationMs),
    ...(good ? {} : { error: error ?? "made no attempt" }),
  };
}

function notRun(id: string): Line {
  const nothing = { expected: "", met: "", unchanged: undefined, unseen: undefined };
  return { kind: "attack", id, title: "", ...nothing, verdict: "NOT RUN" };
}

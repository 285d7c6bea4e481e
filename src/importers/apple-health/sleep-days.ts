import { civilDay } from "./apple-time.ts";

/** A stretch of sleep as a record has it. */
export interface SleepPiece {
  readonly source: string;
  readonly stage: "asleep" | "in bed";
  /** Seconds since 1970 UTC. */
  readonly start: number;
  readonly end: number;
  /** The offset in force at its end, in minutes east of Greenwich. */
  readonly offset: number;
  /** Line of the record. */
  readonly line: number;
}

/** The sleep of the nights, and of the naps, after which a source saw somebody wake on a civil day. */
export interface SleepDay {
  readonly source: string;
  /** Days since 1970-01-01. */
  readonly day: number;
  /** Minutes that are covered by stretches of the stage; undefined without any. */
  readonly asleep: number | undefined;
  readonly inBed: number | undefined;
  /** Line of its first record by time. */
  readonly line: number;
}

/** Pieces that begin this much later, or more, than all before them have ended, in seconds, are of another night. */
const nightGap = 3 * 3_600;

/** Pieces that are kept: 25 years of nights with 50 each. More would be no person's, and memory must not follow. */
export const maxPieces = 500_000;

/**
 * Gathers the stretches of sleep of an export into days. A night has many of them, in several records and stages that
 * overlap, and most end before midnight: by itself such a piece would count twice, or to the wrong day. So pieces of
 * a source that follow each other are one night, whose day is the one on whose civil day it ends, and minutes that
 * several pieces cover count once.
 */
export class SleepDays {
  readonly #bySource = new Map<string, SleepPiece[]>();
  #count = 0;

  /** Takes a piece. Returns whether there was room for it. */
  add(piece: SleepPiece): boolean {
    if (this.#count === maxPieces) return false;
    this.#count++;
    const pieces = this.#bySource.get(piece.source);
    if (pieces) pieces.push(piece);
    else this.#bySource.set(piece.source, [piece]);
    return true;
  }

  /** Returns the days of all sources, each source's by time. */
  days(): SleepDay[] {
    return [...this.#bySource].flatMap(([source, pieces]) => daysOf(source, pieces));
  }
}

function daysOf(source: string, pieces: readonly SleepPiece[]): SleepDay[] {
  const days = new Map<number, SleepDay>();
  for (const night of nightsOf(pieces)) {
    const last = night.reduce((a, b) => (b.end > a.end ? b : a));
    const day = civilDay(last.end, last.offset);
    const other = days.get(day);
    const asleep = sumOf(other?.asleep, coveredMinutes(night, "asleep"));
    const inBed = sumOf(other?.inBed, coveredMinutes(night, "in bed"));
    const line = other?.line ?? night[0]?.line ?? 1;
    days.set(day, { source, day, asleep, inBed, line });
  }
  return [...days.values()];
}

function nightsOf(pieces: readonly SleepPiece[]): SleepPiece[][] {
  const nights: SleepPiece[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const piece of pieces.toSorted((a, b) => a.start - b.start)) {
    if (piece.start - end >= nightGap) nights.push([]);
    nights.at(-1)?.push(piece);
    end = Math.max(end, piece.end);
  }
  return nights;
}

/** Minutes that pieces of a stage, by ascending start, cover; undefined without any. */
function coveredMinutes(night: readonly SleepPiece[], stage: SleepPiece["stage"]): number | undefined {
  let seconds: number | undefined;
  let until = Number.NEGATIVE_INFINITY;
  for (const piece of night) {
    if (piece.stage !== stage) continue;
    seconds = (seconds ?? 0) + Math.max(0, piece.end - Math.max(piece.start, until));
    until = Math.max(until, piece.end);
  }
  return seconds === undefined ? undefined : seconds / 60;
}

function sumOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : a + b;
}

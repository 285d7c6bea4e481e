import { create } from "@bufbuild/protobuf";
import { type MetricSample, MetricSampleSchema, RecordingMethod } from "../gen/wellvault/v1/metric_pb.ts";
import { kindsBySlug } from "../metrics/kinds.ts";
import { readLocalSeconds } from "./fitabase-time.ts";

/** Why a row cannot be read, in words that name the column. */
export class RowProblem extends Error {
  override readonly name = "RowProblem";
}

/** What a sample has besides its kind, value and start. */
export interface SampleTraits {
  /** Whether the value stands for a whole civil day. Default false. */
  readonly daily?: boolean;
  /** Length of the interval in seconds. Default 0, an instant. */
  readonly seconds?: number;
  /** Whether a person entered the value. Default false, which means that it is not known. */
  readonly manual?: boolean;
}

const daySeconds = 86_400;

/** The slug of every sample that this export brings. */
export const fitabaseSource = "fitbit";

/** A row of a Fitabase file: reads columns by name and turns them into samples. */
export class FitabaseRow {
  readonly #cells: ReadonlyMap<string, string>;
  readonly #utcOffsetMinutes: number;

  /**
   * @param cells the row's texts by column
   * @param utcOffsetMinutes minutes east of Greenwich of the clock that the row's times are by
   */
  constructor(cells: ReadonlyMap<string, string>, utcOffsetMinutes: number) {
    this.#cells = cells;
    this.#utcOffsetMinutes = utcOffsetMinutes;
  }

  /** The text of a column; empty when the row has nothing there. */
  text(column: string): string {
    return this.#cells.get(column) ?? "";
  }

  /** The person the row is about. */
  externalId(): string {
    const id = this.text("Id");
    if (!/^\d{1,20}$/.test(id)) throw new RowProblem("Id must be 1 to 20 digits");
    return id;
  }

  /** A number that is not negative. */
  number(column: string): number {
    const text = this.text(column);
    const value = Number(text);
    if (!/^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(value)) {
      throw new RowProblem(`${column} must be a number of at least 0`);
    }
    return value;
  }

  /** `True` or `False`. */
  boolean(column: string): boolean {
    const text = this.text(column).toLowerCase();
    if (text !== "true" && text !== "false") throw new RowProblem(`${column} must be True or False`);
    return text === "true";
  }

  /** An instant, in seconds since 1970 UTC. */
  instant(column: string): number {
    return this.#utc(column, 1, "a time such as 4/12/2016 2:30:00 PM");
  }

  /** A full hour, in seconds since 1970 UTC. */
  hour(column: string): number {
    return this.#utc(column, 3_600, "a full hour such as 4/12/2016 14:00");
  }

  /** The midnight that a civil day starts with, in seconds since 1970 UTC. */
  day(column: string): number {
    return this.#utc(column, daySeconds, "a day such as 4/12/2016");
  }

  /**
   * Makes a sample.
   *
   * @param what the columns that the value comes from, for the message when it is out of bounds
   * @param value the value in the kind's own unit
   * @param start seconds since 1970 UTC
   * @throws RowProblem when the value is outside the kind's bounds
   */
  sample(slug: string, what: string, value: number, start: number, traits: SampleTraits = {}): MetricSample {
    const kind = kindsBySlug.get(slug);
    if (!kind) throw new Error(`the importer names a kind that is not in the catalogue: ${slug}`);
    if (value < kind.min || value > kind.max) {
      throw new RowProblem(`${what} must come to ${kind.min} to ${kind.max} ${kind.unit}`);
    }
    const { daily = false, seconds = 0, manual = false } = traits;
    return create(MetricSampleSchema, {
      kind: slug,
      startTime: { seconds: BigInt(start), nanos: 0 },
      ...(seconds > 0 ? { endTime: { seconds: BigInt(start + seconds), nanos: 0 } } : {}),
      utcOffsetMinutes: this.#utcOffsetMinutes,
      value,
      source: fitabaseSource,
      daily,
      version: 1n,
      recordingMethod: manual ? RecordingMethod.MANUAL : RecordingMethod.UNSPECIFIED,
    });
  }

  #utc(column: string, unit: number, expected: string): number {
    const local = readLocalSeconds(this.text(column));
    if (local === undefined || local % unit !== 0) throw new RowProblem(`${column} must be ${expected}`);
    const utc = local - this.#utcOffsetMinutes * 60;
    if (utc < 0) throw new RowProblem(`${column} must not be before 1970`);
    return utc;
  }
}

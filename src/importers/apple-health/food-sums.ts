/** Something that was eaten or drunk, as a record has it. */
export interface Food {
  /** Slug of the kind. */
  readonly kind: string;
  readonly source: string;
  /** Seconds since 1970 UTC. */
  readonly start: number;
  readonly end: number;
  /** The offset in force at its start, in minutes east of Greenwich. */
  readonly offset: number;
  /** In the unit of the kind. */
  readonly value: number;
  /** Whether a person entered it. */
  readonly entered: boolean;
  /** Line of the record. */
  readonly line: number;
}

/** What one source has of a kind at one second. */
export interface FoodSum extends Food {
  /** Whether several were added up. */
  readonly isSum: boolean;
}

/** What is gathered at one second: {@link Food} without what stands in the key. */
interface Gathered {
  /** Each value once. */
  readonly values: Set<number>;
  end: number;
  offset: number;
  entered: boolean;
  readonly line: number;
}

/** Records that are kept: 25 years with 50 a day. More would be no person's, and memory must not follow. */
export const maxFoods = 500_000;

/**
 * Gathers what was eaten and drunk, for a source may log several things at one second: the foods of a meal bear its
 * time. A sample's key is its kind, source and start, so they are one sample, of all of them together. A value that comes
 * again is taken for the same record, which devices that share an account write twice.
 *
 * What comes of it does not depend on the order of the records.
 */
export class FoodSums {
  readonly #bySource = new Map<string, Map<number, Gathered>>();
  #count = 0;

  /** Takes a record. Returns whether there was room for it. */
  add({ kind, source, start, end, offset, value, entered, line }: Food): boolean {
    if (this.#count === maxFoods) return false;
    this.#count++;
    const stream = `${kind} ${source}`;
    const times = this.#bySource.get(stream) ?? new Map<number, Gathered>();
    this.#bySource.set(stream, times);
    const other = times.get(start);
    if (!other) {
      times.set(start, { values: new Set([value]), end, offset, entered, line });
      return true;
    }
    other.values.add(value);
    other.end = Math.max(other.end, end);
    other.offset = Math.max(other.offset, offset);
    other.entered &&= entered;
    return true;
  }

  /** Returns the sums of all sources. */
  *sums(): Generator<FoodSum> {
    for (const [stream, times] of this.#bySource) {
      const [kind = "", source = ""] = stream.split(" ");
      for (const [start, { values, ...rest }] of times) {
        yield { kind, source, start, ...rest, value: sumOf(values), isSum: values.size > 1 };
      }
    }
  }
}

/** Adds in one order, for what adding rounds depends on it, and takes the noise of binary fractions off. */
function sumOf(values: ReadonlySet<number>): number {
  if (values.size === 1) for (const value of values) return value;
  const sum = [...values].sort((a, b) => a - b).reduce((total, value) => total + value, 0);
  return Number(sum.toPrecision(12));
}

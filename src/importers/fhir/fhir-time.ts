/** A time of FHIR: an instant with its offset, or a date. */
export type FhirTime =
  | {
      readonly type: "instant";
      /** Microseconds since 1970 UTC. */
      readonly micros: bigint;
      /** Minutes east of Greenwich; undefined where the time is by UTC, which says nothing of the people's clock. */
      readonly offset: number | undefined;
    }
  /** Days since 1970. */
  | { readonly type: "date"; readonly day: number };

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;
const timePattern = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|([+-])(\d{2}):(\d{2}))$/;

/**
 * Reads a `dateTime`, `date` or `instant`. What FHIR lets be less exact than a day is no time for a sample.
 *
 * @returns undefined when it is no such time, before 1970, without an offset, or with one of more than 14 hours
 */
export function readFhirTime(text: string): FhirTime | undefined {
  const day = dayOf(text);
  if (day !== undefined) return day < 0 ? undefined : { type: "date", day };
  const match = timePattern.exec(text);
  const date = dayOf(match?.[1] ?? "");
  if (!match || date === undefined) return undefined;
  const [, , hour, minute, second, fraction = "", zone, sign, hours, minutes] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || Number(minutes ?? 0) > 59) return undefined;
  const east = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === "-" ? -1 : 1);
  if (Math.abs(east) > 840) return undefined;
  const seconds = date * 86_400 + Number(hour) * 3_600 + Number(minute) * 60 + Number(second) - east * 60;
  const micros = BigInt(seconds) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
  return micros < 0n ? undefined : { type: "instant", micros, offset: zone === "Z" ? undefined : east };
}

/** Days from 1970-01-01 to a date; undefined when there is no such date. */
function dayOf(text: string): number | undefined {
  const [, year, month, day] = datePattern.exec(text) ?? [];
  if (year === undefined) return undefined;
  const millis = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const date = new Date(millis);
  // Date.UTC rolls 30 February over into March and takes the year 16 for 1916.
  if (date.getUTCFullYear() !== Number(year) || date.getUTCMonth() !== Number(month) - 1) return undefined;
  return millis / 86_400_000;
}

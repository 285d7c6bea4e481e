/** A civil day, counted from 1970-01-01, which is 0. */
export type CivilDay = number;

/** Lengths of time that begin and end with a civil day. */
export type Period = "day" | "week" | "month";

const dayMillis = 86_400_000;

/** Reads a date as YYYY-MM-DD. Returns undefined when it is none, such as 2026-02-30, or before 1970. */
export function readCivilDay(text: string): CivilDay | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const millis = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(millis) || millis < 0) return undefined;
  const day = millis / dayMillis;
  // A day that the month does not have is taken for one of the next.
  return writeCivilDay(day) === text ? day : undefined;
}

/** Writes a day as YYYY-MM-DD. */
export function writeCivilDay(day: CivilDay): string {
  return new Date(day * dayMillis).toISOString().slice(0, 10);
}

/** The first day of the period that a day is in; weeks begin on Monday (ISO 8601). */
export function startOfPeriod(day: CivilDay, period: Period): CivilDay {
  if (period === "day") return day;
  // 1970-01-01 was a Thursday.
  if (period === "week") return day - modulo(day + 3, 7);
  const date = new Date(day * dayMillis);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / dayMillis;
}

/** The first day of the period after the one that a day is in. */
export function startOfNextPeriod(day: CivilDay, period: Period): CivilDay {
  if (period === "day") return day + 1;
  if (period === "week") return startOfPeriod(day, period) + 7;
  const date = new Date(day * dayMillis);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / dayMillis;
}

/** How many periods a range of days touches; the end is not part of it. */
export function countPeriods(start: CivilDay, end: CivilDay, period: Period): number {
  if (period === "day") return end - start;
  if (period === "week") return (startOfNextPeriod(end - 1, period) - startOfPeriod(start, period)) / 7;
  const [first, last] = [new Date(start * dayMillis), new Date((end - 1) * dayMillis)];
  return (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth() + 1;
}

/** The civil day that an instant is in, in an IANA time zone. */
export function civilDayIn(timeZone: string, instant: Date): CivilDay {
  // Of all locales this one writes dates as YYYY-MM-DD.
  const text = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(instant);
  return Date.parse(`${text}T00:00:00Z`) / dayMillis;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

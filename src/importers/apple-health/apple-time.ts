/** A time as an export writes it. */
export interface AppleTime {
  /** Seconds since 1970 UTC. */
  readonly seconds: number;
  /** The offset that it is written with, in minutes east of Greenwich. */
  readonly offset: number;
}

const pattern = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/**
 * Reads a time such as `2019-09-06 09:28:35 -0400`.
 *
 * @returns undefined when it is no such time, before 1970 or with an offset of more than 14 hours
 */
export function readAppleTime(text: string): AppleTime | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (hour > 23 || minute > 59 || second > 59 || Number(match[9]) > 59) return undefined;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(local);
  // Date.UTC rolls 30 February over into March and takes the year 16 for 1916.
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1) return undefined;
  const offset = (Number(match[8]) * 60 + Number(match[9])) * (match[7] === "-" ? -1 : 1);
  const seconds = local / 1_000 - offset * 60;
  return Math.abs(offset) <= 840 && seconds >= 0 ? { seconds, offset } : undefined;
}

const daySeconds = 86_400;

/**
 * The civil day of an instant, in days since 1970-01-01.
 *
 * @param seconds the instant, in seconds since 1970 UTC
 * @param offset minutes east of Greenwich
 */
export function civilDay(seconds: number, offset: number): number {
  return Math.floor((seconds + offset * 60) / daySeconds);
}

/**
 * When a sample of a civil day begins. A day is told by its date alone, as one by UTC: its start is part of its key, and
 * a later export, made in another time zone, would otherwise bring the same day as another one, to be counted twice.
 */
export function dayStart(day: number): AppleTime {
  return { seconds: day * daySeconds, offset: 0 };
}

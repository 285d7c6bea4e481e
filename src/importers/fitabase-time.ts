const pattern = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?(?: ([AP]M))?)?$/i;

/**
 * Reads a local time as Fitabase writes it: `4/12/2016`, `3/12/2016 0:00`, `4/12/2016 12:00:00 AM`,
 * month before day, with a 24 hour clock or with AM and PM. A date without a time is its midnight.
 *
 * @returns seconds from 1970-01-01 00:00 to it by the local clock, or undefined when it is no such time
 */
export function readLocalSeconds(text: string): number | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => (part === undefined ? 0 : Number(part)));
  const hours = hourOfDay(hour, match[7]?.toUpperCase());
  if (hours === undefined || minute > 59 || second > 59) return undefined;
  const millis = Date.UTC(year, month - 1, day, hours, minute, second);
  const date = new Date(millis);
  // Date.UTC rolls 30 February over into March and takes the year 16 for 1916.
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1;
  return same ? millis / 1_000 : undefined;
}

/** On a 12 hour clock 12 AM is the first hour of the day and 12 PM the first of the afternoon. */
function hourOfDay(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour <= 23 ? hour : undefined;
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (half === "PM" ? 12 : 0);
}

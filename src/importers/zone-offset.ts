import { LRUCache } from "lru-cache";

const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 50 });

/**
 * The difference between local time and UTC in force in a time zone, in minutes east of Greenwich.
 *
 * @param zone an IANA name, such as `Europe/Berlin`
 * @param seconds the instant, in seconds since 1970 UTC
 * @returns undefined when there is no such zone
 */
export function zoneOffsetMinutes(zone: string, seconds: number): number | undefined {
  const format = formats.get(zone) ?? formatOf(zone);
  if (!format) return undefined;
  const text = format.formatToParts(seconds * 1_000).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const match = /^GMT(?:([+-])(\d{2}):(\d{2})(?::\d{2})?)?$/.exec(text);
  if (!match) return undefined;
  const minutes = Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0);
  return match[1] === "-" ? -minutes : minutes;
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  // The engine knows offsets as zones, too, which no system means by a zone's name.
  if (!/^[A-Za-z]/.test(zone)) return undefined;
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    formats.set(zone, format);
    return format;
  } catch {
    return undefined;
  }
}

import type { FieldViolation } from "../errors.ts";

/** Zones found to exist: asking for one costs more than all else that is checked of an employee. */
const known = new Set<string>();

/** How many zones are remembered: all that there are, in the letters that people write them in. */
const maxKnown = 2_000;

/**
 * Checks the name of a zone.
 *
 * @param field path of the field in the request
 * @returns what is wrong with it, or undefined when it is empty or an IANA time zone
 */
export function timeZoneViolation(field: string, name: string): FieldViolation | undefined {
  if (name === "" || known.has(name)) return undefined;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
  } catch {
    return { field, description: "must be an IANA time zone such as Europe/Berlin", rule: "time_zone" };
  }
  if (known.size < maxKnown) known.add(name);
  return undefined;
}

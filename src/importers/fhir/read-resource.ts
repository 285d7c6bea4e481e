import type { ImportEvent, Place } from "../import-event.ts";
import { asObject } from "./json.ts";
import { type ObservationOptions, readObservation } from "./read-observation.ts";

/**
 * Reads a resource: an Observation by what it says, any other by passing it over. A Bundle is refused, for what is in it
 * would be left out in silence.
 */
export function readResource(value: unknown, place: Place, options: ObservationOptions): ImportEvent[] {
  const resource = asObject(value);
  const type = resource?.["resourceType"];
  if (!resource || typeof type !== "string" || !/^[A-Z][A-Za-z]{1,60}$/.test(type)) {
    return [{ type: "refused", problem: { ...place, field: "resourceType", problem: "must name a resource of FHIR" } }];
  }
  if (type === "Bundle") {
    const problem = "must not be a Bundle: one is imported as a file of its own";
    return [{ type: "refused", problem: { ...place, field: "resourceType", problem } }];
  }
  return type === "Observation" ? readObservation(resource, place, options) : [{ type: "passed over", what: type }];
}

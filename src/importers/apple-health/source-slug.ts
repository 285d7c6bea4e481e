import { createHash } from "node:crypto";

/** What a record says of where it comes from. */
export interface RecordSource {
  /** Name of the app, or of the device as its owner calls it. */
  readonly sourceName: string;
  /** Description of the device, such as `<<HKDevice: 0x28>, name:Apple Watch, ..., hardware:Watch6,1, ...>`. */
  readonly device: string | undefined;
}

const prefix = "apple_health";

/** Apps whose names are known, as they are written without case and spaces. */
const knownApps: Readonly<Record<string, string>> = {
  health: "health",
  clock: "clock",
  withings: "withings",
  healthmate: "withings",
  garminconnect: "garmin_connect",
  connect: "garmin_connect",
  oura: "oura",
  whoop: "whoop",
  fitbit: "fitbit",
  strava: "strava",
  myfitnesspal: "myfitnesspal",
  sleepcycle: "sleep_cycle",
  autosleep: "autosleep",
  pillow: "pillow",
  headspace: "headspace",
  calm: "calm",
  polarflow: "polar_flow",
  suunto: "suunto",
  dexcom: "dexcom",
  omronconnect: "omron_connect",
};

/**
 * Makes the slug of a record's source: the same for the same device or app whatever else an export says of it, and
 * another one for each, so that a phone and a watch that both counted a walk stay two.
 *
 * Owners name devices after themselves, so a name never becomes part of a slug. A device of Apple's is told by its
 * model, an app that is known by its name, and anything else by one of 256 numbers that its name comes to: too few to
 * say whose it is, and few enough for all employees of a tenant, whose sources are limited.
 */
export function sourceSlug({ sourceName, device }: RecordSource): string {
  const name = sourceName.normalize("NFKC").toLowerCase().replace(/\s+/g, "");
  const own = /applewatch|iphone|ipad|ipod/.exec(name)?.[0];
  if (own) {
    const hardware = /, hardware:((?:Watch|iPhone|iPad|iPod)\d{1,3},\d{1,3})[,>]/.exec(device ?? "")?.[1];
    const model = hardware ?? (own === "applewatch" ? "watch" : own);
    return `${prefix}_${model.toLowerCase().replace(",", "_")}`;
  }
  if (Object.hasOwn(knownApps, name)) return `${prefix}_${knownApps[name]}`;
  return `${prefix}_app_${createHash("sha256").update(name).digest("hex").slice(0, 2)}`;
}

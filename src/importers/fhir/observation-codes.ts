import {
  type Convert,
  same,
  toCelsius,
  toKilocalories,
  toKilograms,
  toMetres,
  toMillilitres,
  toMillimetresOfMercury,
  toMillimolesPerLitre,
  toMilliseconds,
  toMinutes,
  toPerMinute,
} from "../units.ts";

/** Conversions by UCUM codes without annotations, which mean nothing to UCUM. */
export type UcumTable = ReadonlyMap<string, Convert>;

/** What an observation with a code is. */
export interface ObservationCode {
  /** Slug of the kind. */
  readonly kind: string;
  readonly units: UcumTable;
  /** Whether the code is of a whole day, so that a time in it stands for the day. */
  readonly ofDay: boolean;
}

const table = (units: Readonly<Record<string, Convert>>): UcumTable => new Map(Object.entries(units));

const steps = table({ "1": same });
const distance = table({
  m: toMetres.metre,
  km: toMetres.kilometre,
  cm: toMetres.centimetre,
  "[mi_i]": toMetres.mile,
  "[yd_i]": toMetres.yard,
  "[ft_i]": toMetres.foot,
});
const height = table({
  m: toMetres.metre,
  cm: toMetres.centimetre,
  mm: toMetres.millimetre,
  "[in_i]": toMetres.inch,
  "[ft_i]": toMetres.foot,
});
const mass = table({
  kg: toKilograms.kilogram,
  g: toKilograms.gram,
  "[lb_av]": toKilograms.pound,
  "[oz_av]": toKilograms.ounce,
  "[stone_av]": toKilograms.stone,
});
const energy = table({
  kcal: toKilocalories.kilocalorie,
  "[Cal]": toKilocalories.kilocalorie,
  cal: toKilocalories.calorie,
  kJ: toKilocalories.kilojoule,
  J: toKilocalories.joule,
});
const minutes = table({ min: toMinutes.minute, h: toMinutes.hour, s: toMinutes.second, ms: toMinutes.millisecond });
const rate = table({
  "/min": toPerMinute.perMinute,
  "1/min": toPerMinute.perMinute,
  "/s": toPerMinute.perSecond,
  "/h": toPerMinute.perHour,
});
const milliseconds = table({ ms: toMilliseconds.millisecond, s: toMilliseconds.second });
const percent = table({ "%": same });
const temperature = table({ Cel: toCelsius.celsius, "[degF]": toCelsius.fahrenheit, K: toCelsius.kelvin });
const pressure = table({
  "mm[Hg]": toMillimetresOfMercury.millimetreOfMercury,
  kPa: toMillimetresOfMercury.kilopascal,
});
const glucose = table({
  "mmol/L": toMillimolesPerLitre.millimolePerLitre,
  "mg/dL": toMillimolesPerLitre.milligramPerDecilitre,
});
const oxygenUptake = table({
  "mL/kg/min": same,
  "mL/min/kg": same,
  "mL/(kg.min)": same,
  "mL/(min.kg)": same,
});
const volume = table({
  mL: toMillilitres.millilitre,
  cL: toMillilitres.centilitre,
  dL: toMillilitres.decilitre,
  L: toMillilitres.litre,
  "[foz_us]": toMillilitres.usFluidOunce,
});

/**
 * Codes of LOINC by what they are. Calories burned are those of an activity, as the guide to physical activity of HL7
 * has them: total energy has no code that says so.
 */
const codes: readonly [kind: string, units: UcumTable, ...loinc: string[]][] = [
  ["steps", steps, "55423-8"],
  ["distance", distance, "55430-3"],
  ["active_energy", energy, "41981-2", "55424-6"],
  ["active_minutes", minutes, "55411-3"],
  ["sleep_duration", minutes, "93832-4"],
  ["heart_rate", rate, "8867-4"],
  ["resting_heart_rate", rate, "40443-4"],
  ["hrv_sdnn", milliseconds, "80404-7"],
  ["respiratory_rate", rate, "9279-1"],
  ["oxygen_saturation", percent, "59408-5", "2708-6"],
  ["body_temperature", temperature, "8310-5", "8331-1"],
  ["blood_pressure_systolic", pressure, "8480-6"],
  ["blood_pressure_diastolic", pressure, "8462-4"],
  ["blood_glucose", glucose, "15074-8", "2339-0", "2345-7", "14749-6", "41653-7"],
  ["weight", mass, "29463-7", "3141-9"],
  ["height", height, "8302-2"],
  ["body_fat", percent, "41982-0"],
  ["vo2_max", oxygenUptake, "94122-9"],
  ["nutrition_energy", energy, "9052-2"],
];

/** Codes that say themselves that the value is of 24 hours. */
const ofDay: typeof codes = [
  ["steps", steps, "41950-7"],
  ["distance", distance, "41953-1"],
  ["hydration", volume, "9108-2"],
];

const entries = (list: typeof codes, day: boolean) =>
  list.flatMap(([kind, units, ...loinc]) => loinc.map((code) => [code, { kind, units, ofDay: day }] as const));

/** The codes of LOINC that become samples. */
export const observationCodes: ReadonlyMap<string, ObservationCode> = new Map([
  ...entries(codes, false),
  ...entries(ofDay, true),
]);

/**
 * The conversion of a unit.
 *
 * @param unit a UCUM code. `{beats}/min` is `/min`, `{steps}` is `1`, and a code that is of a day may say it: `km/d`
 * @returns undefined when it is not known for the code
 */
export function conversionOf({ units, ofDay }: ObservationCode, unit: string): Convert | undefined {
  const plain = unit.replace(/\{[^{}]*\}/g, "");
  const amount = ofDay ? plain.replace(/\/(d|\(24\.h\))$/, "") : plain;
  return units.get(amount === "" && unit !== "" ? "1" : amount);
}

/** The panel of blood pressure, whose values stand in its components. */
export const panelCodes: ReadonlySet<string> = new Set(["85354-9", "55284-4"]);

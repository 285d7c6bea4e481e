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

/** Conversions by the units as exports write them. */
export type UnitTable = Readonly<Record<string, Convert>>;

/** What becomes of the records of a type. */
export interface RecordType {
  /** Slug of the kind. */
  readonly kind: string;
  /** The shape of the samples. Those of food are intervals, too, and are added up where they start together. */
  readonly shape: "instant" | "interval" | "day" | "food";
  readonly units: UnitTable;
}

const count: UnitTable = { count: same };
const length: UnitTable = {
  m: toMetres.metre,
  km: toMetres.kilometre,
  cm: toMetres.centimetre,
  mm: toMetres.millimetre,
  in: toMetres.inch,
  ft: toMetres.foot,
  yd: toMetres.yard,
  mi: toMetres.mile,
};
const mass: UnitTable = {
  kg: toKilograms.kilogram,
  g: toKilograms.gram,
  lb: toKilograms.pound,
  oz: toKilograms.ounce,
  st: toKilograms.stone,
};
const energy: UnitTable = {
  kcal: toKilocalories.kilocalorie,
  Cal: toKilocalories.kilocalorie,
  cal: toKilocalories.calorie,
  kJ: toKilocalories.kilojoule,
  J: toKilocalories.joule,
};
const volume: UnitTable = {
  mL: toMillilitres.millilitre,
  cL: toMillilitres.centilitre,
  dL: toMillilitres.decilitre,
  L: toMillilitres.litre,
  fl_oz_us: toMillilitres.usFluidOunce,
  fl_oz_imp: toMillilitres.imperialFluidOunce,
  cup_us: toMillilitres.usCup,
  cup_imp: toMillilitres.imperialCup,
  pt_us: toMillilitres.usPint,
  pt_imp: toMillilitres.imperialPint,
};
const temperature: UnitTable = { degC: toCelsius.celsius, degF: toCelsius.fahrenheit, K: toCelsius.kelvin };
const rate: UnitTable = { "count/min": toPerMinute.perMinute, "count/s": toPerMinute.perSecond };
const minutes: UnitTable = { min: toMinutes.minute, s: toMinutes.second, hr: toMinutes.hour };
const milliseconds: UnitTable = { ms: toMilliseconds.millisecond, s: toMilliseconds.second };
const pressure: UnitTable = {
  mmHg: toMillimetresOfMercury.millimetreOfMercury,
  kPa: toMillimetresOfMercury.kilopascal,
};
const glucose: UnitTable = {
  "mg/dL": toMillimolesPerLitre.milligramPerDecilitre,
  "mmol<180.1558800000541>/L": toMillimolesPerLitre.millimolePerLitre,
  "mmol/L": toMillimolesPerLitre.millimolePerLitre,
};
const oxygenUptake: UnitTable = { "mL/min·kg": same, "mL/(min*kg)": same, "mL/kg*min": same };
/** Exports write 97 % as 0.97 with the unit `%`; nobody lives with 1 % of oxygen or of fat, so 97 is meant as it is. */
const share: UnitTable = { "%": (value) => (value <= 1 ? Number((value * 100).toPrecision(12)) : value) };

const quantities: readonly [identifier: string, kind: string, shape: RecordType["shape"], units: UnitTable][] = [
  ["StepCount", "steps", "interval", count],
  ["DistanceWalkingRunning", "distance", "interval", length],
  ["FlightsClimbed", "floors", "interval", count],
  ["ActiveEnergyBurned", "active_energy", "interval", energy],
  ["AppleExerciseTime", "active_minutes", "interval", minutes],
  ["HeartRate", "heart_rate", "instant", rate],
  ["RestingHeartRate", "resting_heart_rate", "day", rate],
  ["HeartRateVariabilitySDNN", "hrv_sdnn", "instant", milliseconds],
  ["RespiratoryRate", "respiratory_rate", "instant", rate],
  ["OxygenSaturation", "oxygen_saturation", "instant", share],
  ["BodyTemperature", "body_temperature", "instant", temperature],
  ["BloodPressureSystolic", "blood_pressure_systolic", "instant", pressure],
  ["BloodPressureDiastolic", "blood_pressure_diastolic", "instant", pressure],
  ["BloodGlucose", "blood_glucose", "instant", glucose],
  ["BodyMass", "weight", "instant", mass],
  ["Height", "height", "instant", length],
  ["BodyFatPercentage", "body_fat", "instant", share],
  ["VO2Max", "vo2_max", "instant", oxygenUptake],
  ["DietaryWater", "hydration", "food", volume],
  ["DietaryEnergyConsumed", "nutrition_energy", "food", energy],
];

/** The types of records with a value that become samples, by their identifiers. Total energy is no type of theirs. */
export const recordTypes: ReadonlyMap<string, RecordType> = new Map(
  quantities.map(([identifier, kind, shape, units]) => [
    `HKQuantityTypeIdentifier${identifier}`,
    { kind, shape, units },
  ]),
);

/** Records whose length is what counts. */
export const mindfulSession = "HKCategoryTypeIdentifierMindfulSession";
export const sleepAnalysis = "HKCategoryTypeIdentifierSleepAnalysis";

/** What the values of {@link sleepAnalysis} say. */
export const sleepStages: Readonly<Record<string, "asleep" | "in bed" | "awake">> = {
  HKCategoryValueSleepAnalysisAsleep: "asleep",
  HKCategoryValueSleepAnalysisAsleepUnspecified: "asleep",
  HKCategoryValueSleepAnalysisAsleepCore: "asleep",
  HKCategoryValueSleepAnalysisAsleepDeep: "asleep",
  HKCategoryValueSleepAnalysisAsleepREM: "asleep",
  HKCategoryValueSleepAnalysisInBed: "in bed",
  HKCategoryValueSleepAnalysisAwake: "awake",
};

import { Aggregation, SampleShape } from "../gen/wellvault/v1/metric_pb.ts";

/** A kind of sample: its meaning, its canonical unit and its rules. */
export interface Kind {
  /** Number under which samples are stored. Never changed, never given to another kind. */
  readonly number: number;
  /** Slug under which callers know it. */
  readonly slug: string;
  /** Name people read. */
  readonly label: string;
  /** Canonical unit, as a UCUM code. */
  readonly unit: string;
  /** Smallest value accepted. */
  readonly min: number;
  /** Largest value accepted. */
  readonly max: number;
  /** How several values are made one. */
  readonly aggregation: Aggregation;
  /** The shapes of time that a sample may have. */
  readonly shapes: readonly SampleShape[];
  /** LOINC code, or an empty string. */
  readonly loinc: string;
  /** Whether the kind is about the mind. */
  readonly sensitive: boolean;
  /** Whether the civil day is the day the interval ends. */
  readonly byWakingDay: boolean;
}

const { SUM, MEAN, LAST } = Aggregation;
const intervalOrDay = [SampleShape.INTERVAL, SampleShape.DAY];
const instant = [SampleShape.INSTANT];
const day = [SampleShape.DAY];

type Row = [
  number: number,
  slug: string,
  label: string,
  unit: string,
  min: number,
  max: number,
  aggregation: Aggregation,
  shapes: readonly SampleShape[],
  loinc?: string,
  traits?: { sensitive?: true; byWakingDay?: true },
];

/**
 * The catalogue. Units are UCUM codes and codes are LOINC's; bounds keep out what no device measures,
 * not what is unusual. A SUM kind is never an instant (Open mHealth).
 */
const rows: readonly Row[] = [
  [1, "steps", "Steps", "{steps}", 0, 1e6, SUM, intervalOrDay, "55423-8"],
  [2, "distance", "Distance", "m", 0, 1e6, SUM, intervalOrDay, "55430-3"],
  [3, "floors", "Floors climbed", "{floors}", 0, 1e6, SUM, intervalOrDay],
  [4, "active_energy", "Active energy", "kcal", 0, 1e6, SUM, intervalOrDay, "41981-2"],
  [5, "total_energy", "Total energy", "kcal", 0, 1e6, SUM, intervalOrDay, "41981-2"],
  [6, "active_minutes", "Active minutes", "min", 0, 1440, SUM, intervalOrDay, "55411-3"],
  [7, "sedentary_minutes", "Sedentary minutes", "min", 0, 1440, SUM, intervalOrDay],
  [8, "mindful_minutes", "Mindful minutes", "min", 0, 1440, SUM, intervalOrDay],
  [9, "sleep_duration", "Time asleep", "min", 0, 1440, SUM, intervalOrDay, "93832-4", { byWakingDay: true }],
  [10, "time_in_bed", "Time in bed", "min", 0, 1440, SUM, intervalOrDay, "", { byWakingDay: true }],
  [11, "heart_rate", "Heart rate", "/min", 1, 300, MEAN, instant, "8867-4"],
  [12, "resting_heart_rate", "Resting heart rate", "/min", 1, 300, MEAN, day, "40443-4"],
  [13, "hrv_rmssd", "Heart rate variability (RMSSD)", "ms", 0, 1000, MEAN, instant],
  [14, "hrv_sdnn", "Heart rate variability (SDNN)", "ms", 0, 1000, MEAN, instant, "80404-7"],
  [15, "respiratory_rate", "Respiratory rate", "/min", 0, 100, MEAN, instant, "9279-1"],
  [16, "oxygen_saturation", "Oxygen saturation", "%", 0, 100, MEAN, instant, "59408-5"],
  [17, "body_temperature", "Body temperature", "Cel", 0, 100, MEAN, instant, "8310-5"],
  [18, "blood_pressure_systolic", "Systolic blood pressure", "mm[Hg]", 20, 300, MEAN, instant, "8480-6"],
  [19, "blood_pressure_diastolic", "Diastolic blood pressure", "mm[Hg]", 10, 250, MEAN, instant, "8462-4"],
  [20, "blood_glucose", "Blood glucose", "mmol/L", 0, 50, MEAN, instant, "15074-8"],
  [21, "weight", "Weight", "kg", 0, 1000, LAST, instant, "29463-7"],
  [22, "height", "Height", "m", 0, 3, LAST, instant, "8302-2"],
  [23, "body_fat", "Body fat", "%", 0, 100, LAST, instant, "41982-0"],
  [24, "vo2_max", "VO2 max", "mL/kg/min", 0, 100, LAST, instant, "94122-9"],
  [25, "hydration", "Fluid drunk", "mL", 0, 100_000, SUM, intervalOrDay],
  [26, "nutrition_energy", "Energy eaten", "kcal", 0, 20_000, SUM, intervalOrDay, "9052-2"],
  [27, "mood_valence", "Mood", "1", -3, 3, MEAN, instant, "", { sensitive: true }],
  [28, "stress_score", "Stress", "{score}", 0, 100, MEAN, instant, "", { sensitive: true }],
  [29, "energy_score", "Energy", "{score}", 0, 100, MEAN, instant, "", { sensitive: true }],
  [30, "who5_score", "WHO-5 well-being", "{score}", 0, 100, MEAN, instant, "", { sensitive: true }],
];

/** Every kind, by ascending number. */
export const kinds: readonly Kind[] = rows.map(
  ([number, slug, label, unit, min, max, aggregation, shapes, loinc = "", traits = {}]) => ({
    number,
    slug,
    label,
    unit,
    min,
    max,
    aggregation,
    shapes,
    loinc,
    sensitive: traits.sensitive ?? false,
    byWakingDay: traits.byWakingDay ?? false,
  }),
);

/** The kinds by slug. */
export const kindsBySlug: ReadonlyMap<string, Kind> = new Map(kinds.map((kind) => [kind.slug, kind]));

/** The kinds by number. */
export const kindsByNumber: ReadonlyMap<number, Kind> = new Map(kinds.map((kind) => [kind.number, kind]));

/** The numbers of the kinds whose civil day is the one on which a sample ends, as the text of an array. */
export const wakingKinds = `{${kinds.filter((kind) => kind.byWakingDay).map((kind) => kind.number)}}`;

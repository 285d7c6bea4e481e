import type { MetricSample } from "../gen/wellvault/v1/metric_pb.ts";
import type { FitabaseRow } from "./fitabase-row.ts";

/** One file of a Fitabase export: the columns it must have and what a row of it says. */
export interface FitabaseFile {
  /** Name of the file. */
  readonly name: string;
  /** The columns that are read; others may stand beside them, in any order. */
  readonly columns: readonly string[];
  /**
   * Turns a row into samples.
   *
   * @throws RowProblem when the row cannot be read
   */
  samples(row: FitabaseRow): MetricSample[];
}

/** The files that are read, in the order in which they are. */
export const fitabaseFiles: readonly FitabaseFile[] = [
  {
    name: "dailyActivity_merged.csv",
    columns: [
      "Id",
      "ActivityDate",
      "TotalSteps",
      "TotalDistance",
      "VeryActiveMinutes",
      "FairlyActiveMinutes",
      "LightlyActiveMinutes",
      "SedentaryMinutes",
      "Calories",
    ],
    samples(row) {
      const day = row.day("ActivityDate");
      const daily = { daily: true };
      const active =
        row.number("VeryActiveMinutes") + row.number("FairlyActiveMinutes") + row.number("LightlyActiveMinutes");
      return [
        row.sample("steps", "TotalSteps", row.number("TotalSteps"), day, daily),
        // The file has kilometres.
        row.sample("distance", "TotalDistance", row.number("TotalDistance") * 1_000, day, daily),
        row.sample("active_minutes", "the active minutes together", active, day, daily),
        row.sample("sedentary_minutes", "SedentaryMinutes", row.number("SedentaryMinutes"), day, daily),
        row.sample("total_energy", "Calories", row.number("Calories"), day, daily),
      ];
    },
  },
  {
    name: "hourlySteps_merged.csv",
    columns: ["Id", "ActivityHour", "StepTotal"],
    samples(row) {
      const steps = row.number("StepTotal");
      return [row.sample("steps", "StepTotal", steps, row.hour("ActivityHour"), { seconds: 3_600 })];
    },
  },
  {
    // The day of a night is the day of waking, as the service counts it.
    name: "sleepDay_merged.csv",
    columns: ["Id", "SleepDay", "TotalMinutesAsleep", "TotalTimeInBed"],
    samples(row) {
      const day = row.day("SleepDay");
      const daily = { daily: true };
      return [
        row.sample("sleep_duration", "TotalMinutesAsleep", row.number("TotalMinutesAsleep"), day, daily),
        row.sample("time_in_bed", "TotalTimeInBed", row.number("TotalTimeInBed"), day, daily),
      ];
    },
  },
  {
    name: "weightLogInfo_merged.csv",
    columns: ["Id", "Date", "WeightKg", "Fat", "IsManualReport"],
    samples(row) {
      const time = row.instant("Date");
      const method = { manual: row.boolean("IsManualReport") };
      const weight = row.sample("weight", "WeightKg", row.number("WeightKg"), time, method);
      if (row.text("Fat") === "") return [weight];
      return [weight, row.sample("body_fat", "Fat", row.number("Fat"), time, method)];
    },
  },
  {
    name: "heartrate_seconds_merged.csv",
    columns: ["Id", "Time", "Value"],
    samples(row) {
      return [row.sample("heart_rate", "Value", row.number("Value"), row.instant("Time"))];
    },
  },
];

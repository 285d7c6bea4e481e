import type { MetricKindRow } from "../database/metric-kinds.ts";
import { Aggregation, SampleShape } from "../gen/wellvault/v1/metric_pb.ts";
import { kinds } from "./kinds.ts";

const aggregations: Readonly<Partial<Record<Aggregation, MetricKindRow["aggregation"]>>> = {
  [Aggregation.SUM]: "sum",
  [Aggregation.MEAN]: "mean",
  [Aggregation.LAST]: "last",
};

const shapes: Readonly<Partial<Record<SampleShape, MetricKindRow["shapes"][number]>>> = {
  [SampleShape.INSTANT]: "instant",
  [SampleShape.INTERVAL]: "interval",
  [SampleShape.DAY]: "day",
};

/** The catalogue of kinds, as migrating a database loads it. */
export const kindRows: readonly MetricKindRow[] = kinds.map((kind) => ({
  kind: kind.number,
  slug: kind.slug,
  display_name: kind.label,
  unit: kind.unit,
  minimum: kind.min,
  maximum: kind.max,
  aggregation: aggregations[kind.aggregation] ?? "last",
  shapes: kind.shapes.flatMap((shape) => shapes[shape] ?? []),
  loinc_code: kind.loinc,
  sensitive: kind.sensitive,
  by_waking_day: kind.byWakingDay,
}));

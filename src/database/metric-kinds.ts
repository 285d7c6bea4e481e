import type pg from "pg";

/** A kind of metric samples, as the table `control.metric_kinds` has it. */
export interface MetricKindRow {
  readonly kind: number;
  readonly slug: string;
  readonly display_name: string;
  readonly unit: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly aggregation: "sum" | "mean" | "last";
  readonly shapes: readonly ("instant" | "interval" | "day")[];
  readonly loinc_code: string;
  readonly sensitive: boolean;
  readonly by_waking_day: boolean;
}

/** Makes the table of kinds say what the service's own list says; kinds that only a newer service knows stay. */
export async function loadMetricKinds(client: pg.Client, kinds: readonly MetricKindRow[]): Promise<void> {
  await client.query(
    `insert into control.metric_kinds as known (
       kind, slug, display_name, unit, minimum, maximum, aggregation, shapes, loinc_code, sensitive, by_waking_day
     )
     select
       kind, slug, display_name, unit, minimum, maximum, aggregation,
       array(select jsonb_array_elements_text(shapes)), loinc_code, sensitive, by_waking_day
     from jsonb_to_recordset($1) as loaded (
       kind smallint, slug text, display_name text, unit text, minimum float8, maximum float8, aggregation text,
       shapes jsonb, loinc_code text, sensitive boolean, by_waking_day boolean
     )
     order by kind
     on conflict (kind) do update set
       slug = excluded.slug,
       display_name = excluded.display_name,
       unit = excluded.unit,
       minimum = excluded.minimum,
       maximum = excluded.maximum,
       aggregation = excluded.aggregation,
       shapes = excluded.shapes,
       loinc_code = excluded.loinc_code,
       sensitive = excluded.sensitive,
       by_waking_day = excluded.by_waking_day
     where
       (known.slug, known.display_name, known.unit, known.minimum, known.maximum, known.aggregation, known.shapes,
         known.loinc_code, known.sensitive, known.by_waking_day)
       is distinct from
       (excluded.slug, excluded.display_name, excluded.unit, excluded.minimum, excluded.maximum, excluded.aggregation,
         excluded.shapes, excluded.loinc_code, excluded.sensitive, excluded.by_waking_day)`,
    [JSON.stringify(kinds)],
  );
}

import { statement } from "../../database/statement.ts";

/**
 * The sources that have numbers, out of those asked for; daily and intraday values of one slug are two.
 * `sample_sources` is small and read from end to end, 1 buffer for four sources.
 */
export const findSources = statement<
  [slugs: readonly string[], daily: readonly boolean[]],
  { slug: string; daily: boolean }
>`
  select source.slug, source.daily
  from unnest($1::text[], $2::boolean[]) as wanted (slug, daily)
  join sample_sources as source using (slug, daily)
`;

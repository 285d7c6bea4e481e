import { statement } from "../../database/statement.ts";

/** The sources that have numbers, out of those asked for; daily and intraday values of one slug are two. */
export const findSources = statement<
  [slugs: readonly string[], daily: readonly boolean[]],
  { slug: string; daily: boolean }
>`
  select source.slug, source.daily
  from unnest($1::text[], $2::boolean[]) as wanted (slug, daily)
  join sample_sources as source using (slug, daily)
`;

/** Takes the lock under which sources are numbered and returns the last number given out. */
export const lockSourceCounter = statement<[], { last_value: number }>`
  select last_value
  from counters
  where name = 'sample_source'
  for update
`;

/** Numbers new sources, from the number after `last` on. Run under the lock. */
export const insertSources = statement<[slugs: readonly string[], daily: readonly boolean[], last: number], never>`
  insert into sample_sources (source_no, slug, daily)
  select $3::integer + wanted.position, wanted.slug, wanted.daily
  from unnest($1::text[], $2::boolean[]) with ordinality as wanted (slug, daily, position)
`;

/** Records the last number given out. */
export const setSourceCounter = statement<[last: number], never>`
  update counters
  set last_value = $1
  where name = 'sample_source'
`;

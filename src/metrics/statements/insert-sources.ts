import { statement } from "../../database/statement.ts";

/**
 * Numbers new sources, from the number after `last` on. Run under the lock. An insertion into the table and its two
 * indexes, 3 buffers for one source.
 */
export const insertSources = statement<[slugs: readonly string[], daily: readonly boolean[], last: number], never>`
  insert into sample_sources (source_no, slug, daily)
  select $3::integer + wanted.position, wanted.slug, wanted.daily
  from unnest($1::text[], $2::boolean[]) with ordinality as wanted (slug, daily, position)
`;

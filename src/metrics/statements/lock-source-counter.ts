import { statement } from "../../database/statement.ts";

/**
 * Takes the lock under which sources are numbered and returns the last number given out. `counters` has three rows and is
 * read from end to end, 3 buffers.
 */
export const lockSourceCounter = statement<[], { last_value: number }>`
  select last_value
  from counters
  where name = 'sample_source'
  for update
`;

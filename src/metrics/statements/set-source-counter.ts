import { statement } from "../../database/statement.ts";

/** Records the last number given out: `counters` from end to end and the row's new version, 3 buffers. */
export const setSourceCounter = statement<[last: number], never>`
  update counters
  set last_value = $1
  where name = 'sample_source'
`;

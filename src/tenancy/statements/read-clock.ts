import type { EpochSeconds } from "../../civil-time.ts";
import { statement } from "../../database/statement.ts";

/** The instant at which the statement began, by the database's clock. It reads no table, so 0 buffers. */
export const readClock = statement<[], { epoch: EpochSeconds }>`
  select date_part('epoch'::text, statement_timestamp()) as epoch
`;

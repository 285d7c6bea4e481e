import type { JsonValue } from "@bufbuild/protobuf";
import { type Fragment, fragment } from "../../database/statement.ts";

/** The columns of a log entry in the form the service reads, qualified by a table's alias. */
export function logColumns(alias: Fragment): Fragment {
  return fragment`
    ${alias}.entry_id,
    ${alias}.type,
    (extract(epoch from ${alias}.start_time) * 1000000)::bigint::text as start_micros,
    (extract(epoch from ${alias}.end_time) * 1000000)::bigint::text as end_micros,
    ${alias}.utc_offset_minutes,
    ${alias}.source,
    ${alias}.version::text as version,
    ${alias}.note,
    ${alias}.detail,
    (extract(epoch from ${alias}.create_time) * 1000000)::bigint::text as create_micros,
    (extract(epoch from ${alias}.update_time) * 1000000)::bigint::text as update_micros`;
}

/** A row of {@link logColumns}. */
export interface LogRow {
  readonly entry_id: string;
  readonly type: number;
  readonly start_micros: string;
  readonly end_micros: string | null;
  readonly utc_offset_minutes: number;
  readonly source: string;
  readonly version: string;
  readonly note: string;
  readonly detail: JsonValue;
  readonly create_micros: string;
  readonly update_micros: string;
}

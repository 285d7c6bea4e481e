import { statement } from "../../database/statement.ts";
import { type EmployeeColumns, employeeColumns } from "./employee-columns.ts";

/**
 * Adds employees: each into the table and its four indexes, 9 buffers for one employee and 9,091 buffers for 1,000.
 *
 * Arrays have an element for each employee; the first gets the number after `lastNo`.
 */
export const insertEmployees = statement<
  [
    lastNo: number,
    time: string,
    employeeIds: readonly string[],
    externalIds: readonly string[],
    displayNames: readonly string[],
    teams: readonly string[],
    locations: readonly string[],
    timeZones: readonly string[],
    states: readonly number[],
  ],
  EmployeeColumns
>`
  insert into employees (
    employee_no, create_time, update_time,
    employee_id, external_id, display_name, team, location, time_zone, state
  )
  select
    $1::integer + incoming.place, $2::timestamptz, $2::timestamptz,
    incoming.id, incoming.outside_id, incoming.name, incoming.team, incoming.location, incoming.zone, incoming.state
  from unnest(
    $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::smallint[]
  ) with ordinality as incoming (id, outside_id, name, team, location, zone, state, place)
  returning ${employeeColumns}
`;

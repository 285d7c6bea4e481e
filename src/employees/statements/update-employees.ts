import { statement } from "../../database/statement.ts";
import { type EmployeeColumns, employeeColumns } from "./employee-columns.ts";

/**
 * Changes employees. They must be locked, for the values are all fields but the external id as they are to be.
 *
 * `employees_pkey`, then a new version of the row in the table and its indexes: 18 buffers for one employee. For many
 * PostgreSQL reads the roster from end to end instead, 20,000 rows at most besides the deleted ones: 1,693 buffers for
 * 100 among 10,000 employees.
 *
 * Arrays have an element for each employee.
 */
export const updateEmployees = statement<
  [
    time: string,
    employeeNos: readonly number[],
    displayNames: readonly string[],
    teams: readonly string[],
    locations: readonly string[],
    timeZones: readonly string[],
    states: readonly number[],
  ],
  EmployeeColumns
>`
  update employees
  set
    display_name = incoming.new_name,
    team = incoming.new_team,
    location = incoming.new_location,
    time_zone = incoming.new_zone,
    state = incoming.new_state,
    revision = revision + 1,
    update_time = $1::timestamptz
  from unnest(
    $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[]
  ) as incoming (no, new_name, new_team, new_location, new_zone, new_state)
  where employee_no = incoming.no
  returning ${employeeColumns}
`;

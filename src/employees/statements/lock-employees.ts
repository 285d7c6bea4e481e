import { statement } from "../../database/statement.ts";
import { type EmployeeColumns, employeeColumns } from "./employee-columns.ts";

/**
 * The employees with some external ids, locked so that they stay as they are read. Samples and entries refer to the
 * key alone and need not wait. `employees_external_id_key`, then each row to be read and to be locked: 205 buffers for 100
 * employees.
 */
export const lockEmployees = statement<[externalIds: readonly string[]], EmployeeColumns>`
  select ${employeeColumns}
  from employees
  where external_id = any($1::text[]) and delete_time is null
  order by employee_no
  for no key update
`;

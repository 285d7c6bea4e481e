import { keptStatement, withRows } from "../../database/statement.ts";
import { employeeColumns } from "./employee-columns.ts";
import { employeeRows, type ReadEmployee } from "./employee-rows.ts";

/** An employee by the id that the service made: `employees_employee_id_key`, 3 buffers. */
export const getEmployee = withRows(
  employeeRows,
  keptStatement<[employeeId: string], ReadEmployee>`
    select ${employeeColumns}
    from employees
    where employee_id = $1 and delete_time is null
  `,
);

import { keptStatement, withRows } from "../../database/statement.ts";
import { type EmployeeColumns, employeeColumns, employeeRows } from "./employee-columns.ts";

/** An employee by the id that the service made: `employees_employee_id_key`, 3 buffers. */
export const getEmployee = withRows(
  employeeRows,
  keptStatement<[employeeId: string], EmployeeColumns>`
    select ${employeeColumns}
    from employees
    where employee_id = $1 and delete_time is null
  `,
);

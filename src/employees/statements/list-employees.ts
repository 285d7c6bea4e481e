import { statement } from "../../database/statement.ts";
import { type EmployeeColumns, employeeColumns } from "./employee-columns.ts";

/** A page of the roster, oldest first: a scan of `employees_pkey` from the page's key on that stops after it. */
export const listEmployees = statement<[after: number, limit: number], EmployeeColumns>`
  select ${employeeColumns}
  from employees
  where employee_no > $1 and delete_time is null
  order by employee_no
  limit $2
`;

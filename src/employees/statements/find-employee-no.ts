import { statement } from "../../database/statement.ts";

/** The number of an employee that is not deleted: a look-up by `employees_employee_id_key`, 3 buffers. */
export const findEmployeeNo = statement<[employeeId: string], { employee_no: number }>`
  select employee_no
  from employees
  where employee_id = $1 and delete_time is null
`;

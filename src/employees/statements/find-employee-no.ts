import { statement } from "../../database/statement.ts";
import type { EmployeeState } from "../../gen/wellvault/v1/employee_pb.ts";

/** The number and state of an employee that is not deleted: a look-up by `employees_employee_id_key`, 3 buffers. */
export const findEmployeeNo = statement<[employeeId: string], { employee_no: number; state: EmployeeState }>`
  select employee_no, state
  from employees
  where employee_id = $1 and delete_time is null
`;

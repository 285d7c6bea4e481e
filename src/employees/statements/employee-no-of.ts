import { fragment } from "../../database/statement.ts";

/**
 * The number that the employee with the id `$1` has inside the vault, as a value in a statement about that
 * employee's data; null when there is no such employee, so that nothing is found then. As a value, and not
 * joined, it costs a statement no join to plan: three quarters of the time of the same with a join.
 */
export const employeeNoOf = fragment`(
    select employee.employee_no
    from employees as employee
    where employee.employee_id = $1 and employee.delete_time is null
  )`;

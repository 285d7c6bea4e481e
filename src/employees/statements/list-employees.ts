import { statement, withRows } from "../../database/statement.ts";
import type { EmployeeState } from "../../gen/wellvault/v1/employee_pb.ts";
import { employeeColumns } from "./employee-columns.ts";
import { employeeRows, type ReadEmployee } from "./employee-rows.ts";

/**
 * A page of the roster, oldest first: a scan of `employees_pkey` from the page's key on that stops after it. Those of
 * a state or team are sifted out of the same scan, which reads 20,000 employees at most besides the deleted ones. 5
 * buffers for 51 employees.
 */
export const listEmployees = withRows(
  employeeRows,
  statement<[after: number, limit: number, state: EmployeeState | null, team: string | null], ReadEmployee>`
    select ${employeeColumns}
    from employees
    where employee_no > $1 and delete_time is null
      and ($3::smallint is null or state = $3)
      and ($4::text is null or team = $4)
    order by employee_no
    limit $2
  `,
);
